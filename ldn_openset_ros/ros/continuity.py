"""Whether a frame goes on from the one before, so that what was seen there still counts."""

from __future__ import annotations

MAX_GAP = 2.0
"""Seconds without a frame after which the past of a usual camera is given up."""
PATIENCE = 2.0
"""A slow camera may take so many times as long as between the two frames before."""
LONGEST_GAP = 30.0
"""Seconds after which the past is given up in any case."""


class Continuity:
    """Compare stamp and size of a camera's frames with those of the frame before."""

    def __init__(self, max_gap: float = MAX_GAP) -> None:
        """`max_gap`: seconds."""
        self._max_gap = max_gap
        self._step_ns = 0
        self._last: tuple[int, tuple[int, int]] | None = None
        self.gap = 0.0
        """Seconds without a frame, where the past was given up for them at the last frame."""

    @property
    def patience(self) -> float:
        """Seconds within which the next frame goes on."""
        return min(max(self._max_gap, PATIENCE * self._step_ns / 1e9), LONGEST_GAP)

    def goes_on(self, stamp_ns: int, size: tuple[int, int]) -> bool:
        """Take note of a frame; return whether the past counts for it.

        stamp_ns: nanoseconds; size: (height, width). It does not for the first frame, one with an
        earlier stamp (a bag that starts again), one after a gap, and one of another size. Frames
        of equal stamps go on, since cameras without a clock leave them at 0.
        """
        patience_ns = round(self.patience * 1e9)
        last, self._last = self._last, (stamp_ns, size)
        self.gap = 0.0
        if last is None:
            return False
        last_stamp, last_size = last
        step = stamp_ns - last_stamp
        self._step_ns = max(step, 0)
        if step > patience_ns:
            self.gap = step / 1e9
        return size == last_size and 0 <= step <= patience_ns
