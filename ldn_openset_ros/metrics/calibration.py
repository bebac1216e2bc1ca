"""How far a probability can be taken at its word: reliability and its expected error.

Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017),
here for the two-class problem outlier against inlier: the confidence is the outlier probability.
"""

from __future__ import annotations

import math

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import check_truth
from ldn_openset_ros.taxonomy import IGNORE_INDEX

NUM_BINS = 15
"""As in the source."""


class Reliability:
    """One-pass reliability in constant memory: sums over equal bins of the outlier probability.

    Bin b of B holds [b / B, (b + 1) / B); the last one holds 1 as well.
    """

    def __init__(self, bins: int = NUM_BINS) -> None:
        """Start empty."""
        self.confidence = np.zeros(bins)
        """float64 (bins,): sum of the outlier probability."""
        self.positives = np.zeros(bins, np.int64)
        """int64 (bins,): outlier pixels."""
        self.pixels = np.zeros(bins, np.int64)
        """int64 (bins,): all pixels that count."""

    def add(self, probabilities: np.ndarray, outlier: np.ndarray) -> None:
        """Count pixels by their outlier probability, floats in [0, 1] of any shape.

        `outlier` has the same shape and holds 0 (inlier), 1 (outlier) or 255 (ignored). A value
        outside [0, 1], or NaN, on a pixel that counts is an OpenSetError.
        """
        check_truth(probabilities, outlier)
        counted = outlier != IGNORE_INDEX
        positives = (outlier[counted] == 1).astype(np.int64)
        self.add_counts(probabilities[counted], 1 - positives, positives)

    def add_counts(
        self, probabilities: np.ndarray, negatives: np.ndarray, positives: np.ndarray
    ) -> None:
        """Count many pixels of equal probability at once.

        probabilities: floats in [0, 1] (n,); negatives, positives: integers (n,), the inlier and
        the outlier pixels of each. Raises OpenSetError for other probabilities.
        """
        exact = probabilities.astype(np.float64)
        if not ((exact >= 0) & (exact <= 1)).all():
            raise OpenSetError(
                "outlier probabilities outside [0, 1], or NaN, have no reliability: check the "
                "model and the score that made them"
            )
        bins = np.minimum((exact * len(self.pixels)).astype(np.intp), len(self.pixels) - 1)
        pixels = (negatives + positives).astype(np.int64)
        np.add.at(self.confidence, bins, exact * pixels)
        np.add.at(self.positives, bins, positives.astype(np.int64))
        np.add.at(self.pixels, bins, pixels)

    def merge(self, other: Reliability) -> None:
        """Take in all pixels of another one; raises OpenSetError for another number of bins."""
        if len(self.pixels) != len(other.pixels):
            raise OpenSetError(
                f"reliability of {len(self.pixels)} and of {len(other.pixels)} bins cannot be "
                "merged: count both with the same number"
            )
        self.confidence += other.confidence
        self.positives += other.positives
        self.pixels += other.pixels

    def expected_calibration_error(self) -> float:
        """Return the mean of |outlier share - mean probability|, bins weighted by their pixels.

        From 0 (true to its word) to 1; empty bins do not count; NaN without pixels.
        """
        total = int(self.pixels.sum())
        if not total:
            return math.nan
        return float(np.abs(self.positives - self.confidence).sum()) / total
