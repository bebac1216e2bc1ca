"""How far a probability can be taken at its word: reliability and its expected error.

Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017),
here for the two-class problem outlier against inlier: the confidence is the outlier probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.metrics.ranking import RankingHistogram, bin_probabilities

NUM_BINS = 15
"""As in the source."""


@dataclass(frozen=True)
class Reliability:
    """Outlier probability against outlier share over B equal bins of the probability.

    Bin b holds [b / B, (b + 1) / B); the last one holds 1 as well.
    """

    confidence: np.ndarray
    """float64 (B,): mean outlier probability; NaN in an empty bin."""
    outlier_share: np.ndarray
    """float64 (B,): share of the outlier pixels; NaN in an empty bin."""
    pixels: np.ndarray
    """int64 (B,): inlier and outlier pixels."""

    def expected_calibration_error(self) -> float:
        """Return the mean of |outlier share - mean probability|, bins weighted by their pixels.

        From 0 (true to its word) to 1; empty bins do not count; NaN without pixels.
        """
        filled = self.pixels > 0
        if not filled.any():
            return math.nan
        gaps = np.abs(self.outlier_share - self.confidence)[filled]
        return float(gaps @ self.pixels[filled]) / int(self.pixels.sum())


def reliability(
    histogram: RankingHistogram, temperature: float = 1.0, bins: int = NUM_BINS
) -> Reliability:
    """Return the reliability of sigmoid(log-odds / temperature) of the counted pixels.

    The pixels of one of the histogram's bins have the probability in its middle, which is within
    8e-5 / temperature of their own. As counts merge exactly, so does this.
    """
    probabilities = bin_probabilities(temperature)
    negatives, positives = histogram.counts.astype(np.int64)
    places = np.minimum((probabilities * bins).astype(np.intp), bins - 1)

    def per_bin(weights: np.ndarray) -> np.ndarray:
        return np.bincount(places, weights, minlength=bins)

    pixels = per_bin(negatives + positives)
    confidence, outlier_share = (
        np.divide(sums, pixels, out=np.full(bins, np.nan), where=pixels > 0)
        for sums in (per_bin(probabilities * (negatives + positives)), per_bin(positives))
    )
    return Reliability(confidence, outlier_share, pixels.astype(np.int64))
