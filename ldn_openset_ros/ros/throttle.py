"""Keep a repeated event from flooding the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable


class Throttle:
    """Let one event of each kind pass a period, in seconds, and count the others."""

    def __init__(self, period: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._period = period
        self._clock = clock
        self._last: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()

    def admit(self, kind: str) -> int:
        """Note an event; return how many to report now, held back ones included (0: be quiet)."""
        self._held_back[kind] += 1
        now = self._clock()
        if now - self._last.get(kind, float("-inf")) < self._period:
            return 0
        self._last[kind] = now
        return self._held_back.pop(kind)
