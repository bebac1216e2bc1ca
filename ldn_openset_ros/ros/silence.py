"""Images that do not come, and where they may be instead. No ROS here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from enum import Enum

PATIENCE = 5.0
"""Seconds without an image before it is told; three times the camera's period, if that is more."""
MAX_PATIENCE = 60.0
REPEAT_PERIOD = 60.0
"""Seconds between lines about a topic that never had an image."""
NAMED = 5
"""Topics that are named at most."""

IMAGE, COMPRESSED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


class Silence(Enum):
    """What there is to tell about a camera."""

    ABSENT = "no image has come"
    STOPPED = "no more images come"
    ENDED = "images come"


class SilenceWatch:
    """Find out, from one thread, when a camera says nothing, and when it speaks again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started: float | None = None
        self._last: float | None = None
        self._period = 0.0
        self._told: float | None = None

    def arrived(self) -> None:
        """Note an image."""
        now = self._clock()
        if self._last is not None:
            self._period = now - self._last
        self._last = now

    def look(self, waiting: bool) -> Silence | None:
        """Return what there is to tell now, each once; ABSENT again every REPEAT_PERIOD.

        waiting: whether images would be used; silence counts from when this began.
        """
        now = self._clock()
        if not waiting:
            self._started = self._told = None
            return None
        if self._started is None:
            self._started = now
        quiet = now - (self._started if self._last is None else max(self._started, self._last))
        if quiet < min(max(PATIENCE, 3 * self._period), MAX_PATIENCE):
            ended, self._told = self._told is not None, None
            return Silence.ENDED if ended else None
        if self._told is None:
            self._told = now
            return Silence.ABSENT if self._last is None else Silence.STOPPED
        if self._last is None and now - self._told >= REPEAT_PERIOD:
            self._told = now
            return Silence.ABSENT
        return None


def where_images_are(topic: str, kind: str, published: Mapping[str, Sequence[str]]) -> str:
    """Return, for people, why no image comes on a topic and what to do.

    kind: the type that is subscribed to. published: types of the topics that others publish.
    """
    if kind in published.get(topic, ()):
        return "its publisher is there: check the camera, and whether its QoS fits"
    if topic in published:
        return f"it carries {', '.join(published[topic])}, not {kind}: remap image to another"
    for wanted in (kind, COMPRESSED_IMAGE if kind == IMAGE else IMAGE):
        found = nearest(topic, [name for name, kinds in published.items() if wanted in kinds])
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            transport = "raw" if wanted == IMAGE else "compressed"
            remedy = "" if wanted == kind else f"set image_transport to {transport} and "
            without = "" if wanted == IMAGE else ", without /compressed"
            return (
                f"nobody publishes it; {wanted} is on {', '.join(found[:NAMED])}{more}: {remedy}"
                f"remap image to its topic{without}"
            )
    return f"nobody publishes it, nor any other {kind}: start the camera"


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Return names, those most like `name` first."""
    return sorted(names, key=lambda other: (-SequenceMatcher(None, name, other).ratio(), other))
