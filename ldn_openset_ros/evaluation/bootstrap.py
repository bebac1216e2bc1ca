"""Confidence intervals by the Poisson bootstrap: frames are resampled while they stream by.

Each replicate counts each frame a Poisson(1) number of times, drawn from the frame's name alone,
so neither order nor shards change the outcome and nothing of a frame is kept. Source: Chamandy,
Muralidharan, Najmi and Naidu, "Estimating uncertainty for massive data streams" (Google, 2012).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from ldn_openset_ros.errors import OpenSetError

REPLICATES = 200
COVERAGE = 0.95
BATCH = 16
"""Frames that are added at once, as one product of matrices: singly it would take longer than
all other measures."""


class PoissonBootstrap:
    """Sums of integer counts of frames in `replicates` resampled data sets."""

    def __init__(self, shape: tuple[int, ...], replicates: int = REPLICATES) -> None:
        """`shape`: of a frame's counts."""
        self._sums = np.zeros((replicates, math.prod(shape)))
        self._shape = shape
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self.frames = 0

    @property
    def sums(self) -> np.ndarray:
        """float64 (replicates, *shape), whole numbers: exact up to 2^53."""
        self._add_waiting()
        return self._sums.reshape(len(self._sums), *self._shape)

    def add(self, weights: np.ndarray, counts: np.ndarray) -> None:
        """Count a frame: integer (replicates,) weights and counts of a frame's shape."""
        self._waiting.append((weights, counts.reshape(-1)))
        self.frames += 1
        if len(self._waiting) == BATCH:
            self._add_waiting()

    def _add_waiting(self) -> None:
        if self._waiting:
            weights, counts = (np.stack(part) for part in zip(*self._waiting, strict=True))
            self._sums += weights.astype(np.float64).T @ counts.astype(np.float64)
            self._waiting.clear()

    def merge(self, other: PoissonBootstrap) -> None:
        """Take in all frames of another one; raises OpenSetError for another shape."""
        if self.sums.shape != other.sums.shape:
            raise OpenSetError(
                f"bootstrap sums of shapes {self.sums.shape} and {other.sums.shape} cannot be "
                "merged: evaluate both with the same settings"
            )
        self._sums += other.sums.reshape(self._sums.shape)
        self.frames += other.frames

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> PoissonBootstrap:
        """Build the bootstrap that `to_arrays` was called on."""
        replicates, *shape = arrays["sums"].shape
        bootstrap = cls(tuple(shape), replicates)
        bootstrap._sums += arrays["sums"].reshape(bootstrap._sums.shape)
        bootstrap.frames = int(arrays["frames"])
        return bootstrap

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs."""
        return {"sums": self.sums, "frames": np.array(self.frames)}


def percentile_interval(replicates: Iterable[float]) -> tuple[float, float] | None:
    """Return where a measure lies in 95 % of the replicates.

    replicates: its value in each, NaN where undefined. None where more than half of them are, or
    where there are none.
    """
    found = np.fromiter(replicates, np.float64)
    defined = found[~np.isnan(found)]
    if not defined.size or 2 * defined.size < found.size:
        return None
    tail = (1 - COVERAGE) / 2
    lower, upper = np.quantile(defined, (tail, 1 - tail))
    return float(lower), float(upper)


def frame_weights(source: str, name: str, replicates: int) -> np.ndarray:
    """Return how often each replicate counts a frame: int64 (replicates,), by its name alone."""
    # Files may have names that are no UTF-8.
    text = f"{source}\0{name}".encode(errors="surrogateescape")
    rng = np.random.default_rng(zlib.crc32(text))
    return rng.poisson(1.0, replicates)
