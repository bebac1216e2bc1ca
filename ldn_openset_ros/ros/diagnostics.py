"""What became of the frames, how long each stage took, and how healthy that is. No ROS here."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

WINDOW = 5.0
"""Rates, latencies and the level are taken over the last so many seconds."""

STAGES = ("decode", "pre_process", "network", "score", "publish")
"""Stages of a frame's way, in order; `score` holds scores, decision and overlay. A GPU works
asynchronously, so there most of the network's time shows under `score`."""


class Outcome(Enum):
    """What became of a frame; each received frame has one in the end."""

    PROCESSED = "processed"
    REPLACED = "replaced"
    """A newer one came before its turn."""
    TOO_OLD = "too_old"
    BAD = "bad"
    """It could not be decoded."""
    FAILED = "failed"
    """The network could not process it."""
    IDLE = "idle"
    """Nobody subscribed to what the network gives."""
    DISABLED = "disabled"
    """The node was not active, or disabled by `~/enable`."""


def all_have_an_outcome(values: Mapping[str, str]) -> bool:
    """Return whether, by a camera's report, no frame is on its way or has been lost."""
    ended = sum(int(values[f"frames_{outcome.value}"]) for outcome in Outcome)
    return ended == int(values["frames_received"])


class Level(IntEnum):
    """Levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Report:
    """A level, one line that explains it, and values as text that `float` or a person reads."""

    level: Level
    message: str
    values: dict[str, str]


class Stopwatch:
    """Take the time of consecutive stages, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}

    def resume(self) -> None:
        """Begin a stage now: what has passed since the last one belongs to other frames."""
        self._last = self._clock()

    def lap(self, stage: str) -> None:
        """End a stage that began with the one before."""
        now = self._clock()
        self.seconds[stage] = now - self._last
        self._last = now


class FrameStatistics:
    """Count frames and keep the last WINDOW seconds of outcomes and latencies; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._received = 0
        self._totals: Counter[Outcome] = Counter()
        self._arrivals: deque[float] = deque()
        self._outcomes: deque[tuple[float, Outcome]] = deque()
        self._latencies: deque[tuple[float, dict[str, float]]] = deque()
        self._last_error = ""
        self._last_stamp = 0
        self._jumps_back = 0

    def received(self, stamp_ns: int = 0) -> float:
        """Note that a frame arrived; return the seconds by which its stamp jumped back, or 0.

        stamp_ns: nanoseconds, 0 = none.
        """
        with self._lock:
            self._received += 1
            self._arrivals.append(self._clock())
            jump = self._last_stamp - stamp_ns if stamp_ns else 0
            self._last_stamp = stamp_ns or self._last_stamp
            self._jumps_back += jump > 0
            return max(jump, 0) / 1e9

    def finished(self, outcome: Outcome, error: str = "") -> None:
        """Note what became of a frame; `error` says why it is BAD or FAILED."""
        with self._lock:
            self._totals[outcome] += 1
            self._outcomes.append((self._clock(), outcome))
            self._last_error = error or self._last_error

    def processed(self, seconds: Mapping[str, float], age: float | None) -> None:
        """Note a processed frame: seconds of each stage, age of its stamp when it was published.

        age: seconds; None where the frame has no stamp.
        """
        latencies = {**seconds, "total": sum(seconds.values())}
        if age is not None:
            latencies["output_age"] = age
        with self._lock:
            self._latencies.append((self._clock(), latencies))
        self.finished(Outcome.PROCESSED)

    def report(self) -> Report:
        """Sum up: counts since the start, rates, latencies and level over the window."""
        with self._lock:
            start = self._clock() - WINDOW
            while self._arrivals and self._arrivals[0] < start:
                self._arrivals.popleft()
            for recent in (self._outcomes, self._latencies):
                while recent and recent[0][0] < start:
                    recent.popleft()
            outcomes = Counter(outcome for _, outcome in self._outcomes)
            level, message = judge(len(self._arrivals), outcomes, self._last_error)
            values = {"frames_received": str(self._received)}
            for outcome in Outcome:
                values[f"frames_{outcome.value}"] = str(self._totals[outcome])
            values["rate_in_hz"] = f"{len(self._arrivals) / WINDOW:.2f}"
            values["rate_out_hz"] = f"{outcomes[Outcome.PROCESSED] / WINDOW:.2f}"
            for name in (*STAGES, "total", "output_age"):
                samples = [entry[name] for _, entry in self._latencies if name in entry]
                values.update(_percentiles(name, samples))
            values["time_jumps_back"] = str(self._jumps_back)
            values["last_error"] = self._last_error
        return Report(level, message, values)


class LostObjects:
    """Count frames whose outlier objects could not be published though somebody wants them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count = 0
        self._last = float("-inf")
        self._last_error = ""

    def add(self, error: str) -> None:
        """Note a frame, and why; its maps may be published all the same."""
        self._count += 1
        self._last_error = error
        self._last = self._clock()

    def report(self) -> Report:
        """Sum up: WARN for WINDOW seconds after the last such frame."""
        recent = self._clock() - self._last <= WINDOW
        values = {
            "frames_without_objects": str(self._count),
            "last_objects_error": self._last_error,
        }
        level = Level.WARN if recent else Level.OK
        return Report(level, f"no outlier objects: {self._last_error}", values)


class LostMessages:
    """Count messages that the middleware lost on their way to a node, by topic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total = 0
        self._recent: deque[tuple[float, str, int]] = deque()
        self._remedies: dict[str, str] = {}
        self._unknown = False

    def add(self, topic: str, count: int, remedy: str) -> None:
        """Note that so many were lost; remedy: what to do about the topic."""
        self._total += count
        self._recent.append((self._clock(), topic, count))
        self._remedies[topic] = remedy

    def cannot_be_counted(self) -> None:
        """Note that the middleware tells nothing about a topic."""
        self._unknown = True

    def report(self) -> Report:
        """Sum up: WARN while some were lost in the last WINDOW seconds."""
        while self._recent and self._recent[0][0] < self._clock() - WINDOW:
            self._recent.popleft()
        counts: Counter[str] = Counter()
        for _, topic, count in self._recent:
            counts[topic] += count
        told = [
            f"{count} messages of {topic} lost on the way in {WINDOW:g} s: {self._remedies[topic]}"
            for topic, count in counts.items()
        ]
        values = {"messages_lost": "nan" if self._unknown else str(self._total)}
        return Report(Level.WARN if told else Level.OK, "; ".join(told), values)


def judge(arrivals: int, outcomes: Mapping[Outcome, int], last_error: str) -> tuple[Level, str]:
    """Return the level of the last WINDOW seconds and one line that explains it.

    arrivals: frames received; outcomes: frames by what became of them (0 where absent). They may
    be more than the arrivals, by frames that arrived before and came to their end since. Frames
    that a newer one replaced are no fault: that is how a slow network keeps up.
    """
    count = Counter(outcomes)
    spoilt = count[Outcome.BAD] + count[Outcome.FAILED]
    late = count[Outcome.TOO_OLD]
    useful = count[Outcome.PROCESSED] + count[Outcome.IDLE]
    if not arrivals and not count:
        return (
            Level.WARN,
            f"no image in the last {WINDOW:g} s: check the camera and the remapping",
        )
    if spoilt and not useful:
        return Level.ERROR, f"no frame could be processed: {last_error}"
    if late and not useful:
        return Level.ERROR, "every frame is older than max_age: check the clocks or raise it"
    if spoilt:
        return Level.WARN, f"{spoilt} frames could not be processed: {last_error}"
    if late:
        return Level.WARN, f"{late} frames were older than max_age"
    if count[Outcome.PROCESSED]:
        return Level.OK, f"{count[Outcome.PROCESSED]} of {count.total()} frames in {WINDOW:g} s"
    if count[Outcome.IDLE]:
        return Level.OK, "idle: nobody subscribes to an output"
    if count[Outcome.REPLACED]:
        return Level.WARN, "frames arrive but none is finished: if it lasts, lower the resolution"
    return Level.OK, "the first frames are being processed"


def _percentiles(name: str, samples: list[float]) -> dict[str, str]:
    middle, high = np.percentile(samples, (50, 95)) * 1e3 if samples else (np.nan, np.nan)
    prefix = name if name == "output_age" else f"latency_{name}"
    return {f"{prefix}_p50_ms": f"{middle:.2f}", f"{prefix}_p95_ms": f"{high:.2f}"}
