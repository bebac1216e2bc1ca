"""The latest messages of a topic, to be found by their stamp. No ROS here."""

from __future__ import annotations

from collections import deque
from typing import Any

KEPT = 200
KEPT_SECONDS = 2.0
KEPT_BYTES = 2**28
"""What is kept at most: the partner of a frame is looked for when the network is through with it,
and many may have come by then."""
TOLERANCE = 0.05
"""Seconds that the stamp of a message may differ from the one that is asked for."""


class StampedMessages:
    """Keep the last images or disparities; one thread may add while another one looks."""

    def __init__(self) -> None:
        self._messages: deque[Any] = deque(maxlen=KEPT)

    def add(self, message: Any) -> None:
        """Keep a message, and of those before what is recent and fits beside it."""
        self._messages.append(message)
        newest = stamp_of(message)
        while len(self._messages) > 1 and (
            abs(newest - stamp_of(self._messages[0])) > KEPT_SECONDS * 1e9
            or sum(map(_size, tuple(self._messages))) > KEPT_BYTES
        ):
            self._messages.popleft()

    def nearest(self, stamp_ns: int) -> Any | None:
        """Return the message whose stamp is nearest; None where none is within TOLERANCE."""
        messages = tuple(self._messages)
        if not messages:
            return None
        best = min(messages, key=lambda message: abs(stamp_of(message) - stamp_ns))
        return best if abs(stamp_of(best) - stamp_ns) <= TOLERANCE * 1e9 else None


def _size(message: Any) -> int:
    return len(getattr(message, "image", message).data)


def stamp_of(message: Any) -> int:
    """Return the stamp in a message's header, nanoseconds."""
    return nanoseconds(message.header.stamp)


def nanoseconds(stamp: Any) -> int:
    """Return a builtin_interfaces/Time as nanoseconds."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec
