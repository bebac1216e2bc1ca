"""A measure over several assays or seeds: mean and standard deviation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

UNDEFINED = "-"


@dataclass(frozen=True)
class Spread:
    """A measure in per cent; None where it is not defined.

    standard_deviation: that of a sample, 0 for a single value.
    """

    mean: float | None
    standard_deviation: float | None
    values: tuple[float, ...]

    def __str__(self) -> str:
        if self.mean is None:
            return UNDEFINED
        single = len(self.values) < 2
        return f"{self.mean:.1f}" if single else f"{self.mean:.1f} ± {self.standard_deviation:.1f}"


def spread(fractions: Iterable[float | None]) -> Spread:
    """Summarise fractions as per cent; None and NaN (not defined) are left out."""
    known = tuple(
        round(100 * value, 3) for value in fractions if value is not None and value == value
    )
    if not known:
        return Spread(None, None, ())
    deviation = statistics.stdev(known) if len(known) > 1 else 0.0
    return Spread(round(statistics.fmean(known), 3), round(deviation, 3), known)
