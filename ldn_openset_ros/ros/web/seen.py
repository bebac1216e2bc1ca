"""What the web view has heard of the node, as the page wants it. No ROS here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from ldn_openset_ros.ros.node_status import Status
from ldn_openset_ros.ros.web.feed import Feed

SILENCE = 3.5
"""Seconds without diagnostics, which come once a second, after which the node counts as gone."""

IMAGE_TYPE = "sensor_msgs/msg/Image"


class Seen:
    """Keep what came last: cameras, legend, status and frames. Belongs to one event loop."""

    def __init__(self, node: str, clock: Callable[[], float]) -> None:
        """Start without knowledge; node: full name, such as "/openset"; clock: gives seconds."""
        self.node = node
        self.cameras: tuple[str, ...] = ()
        self.legend: dict | None = None
        self.feeds: dict[str, Feed] = {}
        self._clock = clock
        self._statuses: dict[str, tuple[float, Status]] = {}

    def take_cameras(self, cameras: tuple[str, ...]) -> None:
        """Keep which cameras the node has now."""
        self.cameras = cameras

    def take_legend(self, text: str) -> None:
        """Keep a legend, JSON."""
        self.legend = json.loads(text)

    def take_statuses(self, statuses: Iterable[Status]) -> None:
        """Keep the newest status of each part."""
        now = self._clock()
        self._statuses.update((status.part, (now, status)) for status in statuses)

    def take_frame(self, topic: str, message: Any) -> None:
        """Hand a message to those who look at its topic."""
        if topic in self.feeds:
            self.feeds[topic].put(message)

    def statuses(self) -> list[Status]:
        """Return what is not older than SILENCE; nothing where the node is gone."""
        start = self._clock() - SILENCE
        return [status for time, status in self._statuses.values() if time >= start]

    def state(self, topic: str) -> dict[str, Any]:
        """Return all of it JSON-ready; `topic` is what the asking page shows."""
        statuses = self.statuses()
        feed = self.feeds.get(topic)
        return {
            "node": self.node,
            "alive": bool(statuses),
            "cameras": list(self.cameras),
            "legend": self.legend,
            "statuses": [asdict(status) for status in statuses],
            "frame_age": feed.age() if feed else None,
            "problem": feed.problem if feed else "",
        }


def cameras_of(topics: Iterable[tuple[str, list[str]]], node: str) -> tuple[str, ...]:
    """Return the node's cameras by the overlays among `topics`, names with their types.

    A node with named cameras has NODE/CAMERA/overlay, one without NODE/overlay, named "" here.
    """
    overlay = re.compile(rf"{re.escape(node)}/(?:(\w+)/)?overlay")
    found = (overlay.fullmatch(topic) for topic, types in topics if IMAGE_TYPE in types)
    return tuple(sorted({match[1] or "" for match in found if match}))


def topic_of(node: str, camera: str, view: str) -> str:
    """Return the topic of a camera's output; camera: "" for the only one."""
    return "/".join(part for part in (node, camera, view) if part)
