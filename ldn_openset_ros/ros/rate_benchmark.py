"""What the real node loses at a camera's rate, and how fast it is where cameras never wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import cycle

import numpy as np

from ldn_openset_ros.benchmark.rate_figures import CameraFigures, RateFigures
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.benchmark_peer import RunningNode

COUNTS = ("frames_received", "frames_processed", "frames_replaced")
DRAIN_TIME = 10.0
"""Seconds that answers may come after the last frame was sent."""
FIRST_TIMEOUT = 120.0
SERVE_PERIOD = 0.01
IN_FLIGHT = 2
"""Frames of each camera that are not answered: one is worked on, one waits."""


def measure_rate(
    node: RunningNode, frames: Sequence[np.ndarray], hz: float, seconds: float
) -> RateFigures:
    """Send frames, uint8 (H, W, 3), in turn at a fixed rate for so long.

    A frame is lost where one of its image outputs did not come. Raises OpenSetError where the
    node fails.
    """
    (reports,) = node.peer.diagnostics.values()
    node.wait_for_report()
    before = _counts(reports[-1])
    numbers = []
    start = time.perf_counter()
    for index, rgb in zip(range(max(1, round(hz * seconds))), cycle(frames), strict=False):
        while (left := start + index / hz - time.perf_counter()) > 0:
            node.serve(left)
        numbers.append(node.peer.send(rgb)[0])
    deadline = time.perf_counter() + DRAIN_TIME
    while node.peer.answered(numbers[-1]) is None and time.perf_counter() < deadline:
        node.serve(SERVE_PERIOD)
    node.wait_for_report()
    received, processed, replaced = (
        after - earlier for after, earlier in zip(_counts(reports[-1]), before, strict=True)
    )
    answered = sum(node.peer.answered(number) is not None for number in numbers)
    height, width = frames[0].shape[:2]
    return RateFigures(width, height, hz, len(numbers), received, processed, replaced, answered)


def measure_saturation(
    node: RunningNode, frames: Sequence[np.ndarray], seconds: float
) -> CameraFigures:
    """Keep frames, uint8 (H, W, 3), of all the peer's cameras waiting, and count the answers.

    The first answer of each camera is waited for, then answers are counted for so many seconds.
    Raises OpenSetError where the node fails.
    """
    cameras = node.peer.cameras
    feeds = {camera: _Feed(node, camera, frames) for camera in cameras}
    _feed_until(node, feeds, FIRST_TIMEOUT, until_all_answered=True)
    if not all(feed.answers for feed in feeds.values()):
        raise OpenSetError(f"the node did not answer all cameras within {FIRST_TIMEOUT:g} s")
    counted = {camera: feed.answers for camera, feed in feeds.items()}
    started = time.perf_counter()
    _feed_until(node, feeds, seconds)
    passed = time.perf_counter() - started
    height, width = frames[0].shape[:2]
    rates = {camera: (feeds[camera].answers - counted[camera]) / passed for camera in cameras}
    return CameraFigures(width, height, {name: round(rate, 2) for name, rate in rates.items()})


class _Feed:
    """A camera that sends as soon as fewer than IN_FLIGHT of its frames are not answered."""

    def __init__(self, node: RunningNode, camera: str, frames: Sequence[np.ndarray]) -> None:
        self.answers = 0
        self._peer = node.peer
        self._camera = camera
        self._frames = cycle(frames)
        self._waiting: deque[int] = deque()

    def step(self) -> None:
        for position, number in reversed(list(enumerate(self._waiting))):
            if self._peer.answered(number, self._camera) is not None:
                self.answers += 1
                # What was sent before and has no answer by now was replaced by this one.
                for _ in range(position + 1):
                    self._waiting.popleft()
                break
        while len(self._waiting) < IN_FLIGHT:
            number, _ = self._peer.send(next(self._frames), self._camera)
            self._waiting.append(number)


def _feed_until(
    node: RunningNode, feeds: dict[str, _Feed], seconds: float, until_all_answered: bool = False
) -> None:
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        for feed in feeds.values():
            feed.step()
        if until_all_answered and all(feed.answers for feed in feeds.values()):
            return
        node.serve(SERVE_PERIOD)


def _counts(report: dict[str, str]) -> list[int]:
    return [int(report[name]) for name in COUNTS]
