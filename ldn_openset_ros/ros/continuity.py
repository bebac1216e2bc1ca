"""Whether a frame goes on from the one before, so that what was seen there still counts."""

from __future__ import annotations

MAX_GAP = 2.0
"""Seconds without a frame after which the past is given up."""


class Continuity:
    """Compare stamp and size of a camera's frames with those of the frame before."""

    def __init__(self, max_gap: float = MAX_GAP) -> None:
        """`max_gap`: seconds."""
        self._max_gap = round(max_gap * 1e9)
        self._last: tuple[int, tuple[int, int]] | None = None

    def goes_on(self, stamp_ns: int, size: tuple[int, int]) -> bool:
        """Take note of a frame; return whether the past counts for it.

        stamp_ns: nanoseconds; size: (height, width). It does not for the first frame, one with an
        earlier stamp (a bag that starts again), one after a gap, and one of another size. Frames
        of equal stamps go on, since cameras without a clock leave them at 0.
        """
        last, self._last = self._last, (stamp_ns, size)
        if last is None:
            return False
        last_stamp, last_size = last
        return size == last_size and 0 <= stamp_ns - last_stamp <= self._max_gap
