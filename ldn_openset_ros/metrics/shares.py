"""Sums of shares that come out the same in every order, so that parts merge to the exact whole."""

from __future__ import annotations

import numpy as np

from ldn_openset_ros.errors import OpenSetError

UNIT = 2.0**-40
"""What an integer counts: sums of up to 8 million shares fit into int64, each within 5e-13."""


def to_units(shares: np.ndarray) -> np.ndarray:
    """Return shares from 0 to 1, floats of any shape, as whole numbers of UNIT, int64."""
    exact = np.asarray(shares, np.float64)
    if not ((exact >= 0) & (exact <= 1)).all():
        raise OpenSetError("shares outside [0, 1], or NaN, cannot be summed: leave them out")
    return np.rint(exact / UNIT).astype(np.int64)


def mean_of_units(units: int, count: int) -> float:
    """Return the mean of `count` shares that sum to `units`; NaN without any."""
    return int(units) * UNIT / int(count) if count else float("nan")
