"""Seconds of repeated work, by part, and what sums them up."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")


@dataclass(frozen=True)
class Timing:
    """Milliseconds that half, and 95 %, of the runs do not exceed."""

    p50_ms: float
    p95_ms: float


class Timings:
    """Collect the seconds of parts over many runs."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def add(self, seconds: Mapping[str, float]) -> None:
        """Take the parts of one run."""
        for part, value in seconds.items():
            self._seconds[part].append(value)

    def summary(self) -> dict[str, Timing]:
        """Return each part's timing, in the order in which parts came."""
        return {part: timing_of(values) for part, values in self._seconds.items()}


def timing_of(seconds: list[float]) -> Timing:
    """Sum up the seconds of one part."""
    p50, p95 = np.percentile(seconds, (50, 95)) * 1e3
    return Timing(round(float(p50), 2), round(float(p95), 2))


def timed(work: Callable[..., Result], *arguments) -> tuple[Result, float]:
    """Return what `work` returns for the arguments, and the seconds that it took."""
    started = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - started
