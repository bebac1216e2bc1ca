"""Ranking measures of every image by itself, then their means: StreetHazards as first published.

Source: Hendrycks, Basart, Mazeika et al., "Scaling out-of-distribution detection for real-world
settings" (ICML 2022) and its code: images without outliers, or with nothing else, are left out.
There, pixels without a label count as inliers; here, ignored pixels never count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.metrics.ranking import TPR_OF_FPR95, RankingHistogram
from ldn_openset_ros.metrics.shares import mean_of_units, to_units


@dataclass(frozen=True)
class PerImageMeasures:
    """Means over images, as fractions from 0 to 1; NaN where no image counts."""

    average_precision: float
    auroc: float
    fpr95: float
    """By the source's rule, see `nearest_fpr95`."""
    images: int
    """Those that count: with outlier and inlier pixels."""
    left_out: int
    """Those without outlier pixels or without inlier pixels."""


class PerImageRanking:
    """One-pass means of the measures of single images, in constant memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._sums = np.zeros(3, np.int64)
        self._images = 0
        self._left_out = 0

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> PerImageRanking:
        """Build the ranking that `to_arrays` was called on."""
        ranking = cls()
        ranking._take_in(arrays)
        return ranking

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs, integers."""
        return {
            "sums": self._sums,
            "images": np.array(self._images),
            "left_out": np.array(self._left_out),
        }

    def add(self, counts: np.ndarray) -> None:
        """Count an image by its uint64 (2, 65536) `ranking.bin_counts`."""
        histogram = RankingHistogram(counts)
        measures = histogram.measures()
        if not measures.positives or not measures.negatives:
            self._left_out += 1
            return
        self._images += 1
        fpr95 = nearest_fpr95(histogram)
        self._sums += to_units(np.array([measures.average_precision, measures.auroc, fpr95]))

    def merge(self, other: PerImageRanking) -> None:
        """Take in all images of another one."""
        self._take_in(other.to_arrays())

    def measures(self) -> PerImageMeasures:
        """Return the means of all images so far."""
        means = (mean_of_units(units, self._images) for units in self._sums)
        return PerImageMeasures(*means, self._images, self._left_out)

    def _take_in(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._sums += arrays["sums"]
        self._images += int(arrays["images"])
        self._left_out += int(arrays["left_out"])


def nearest_fpr95(histogram: RankingHistogram) -> float:
    """Return the false-positive rate where the true-positive rate is nearest to 95 %.

    Of two rates as near, the higher one is taken, and of thresholds with that rate the lowest, as
    the source does. `RankingMeasures.fpr95` asks for at
    least 95 % instead, which differs in images of few outlier pixels. NaN without outliers or
    without inliers.
    """
    negatives, positives = histogram.ties()
    found, alarms = np.cumsum(positives), np.cumsum(negatives)
    if not found.size or not found[-1] or not alarms[-1]:
        return math.nan
    distance = np.abs(found / found[-1] - TPR_OF_FPR95)
    # Of the thresholds that find all outliers, the highest alone.
    distance = distance[: np.argmax(found == found[-1]) + 1]
    nearest = len(distance) - 1 - int(np.argmin(distance[::-1]))
    return int(alarms[nearest]) / int(alarms[-1])
