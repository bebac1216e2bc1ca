"""Curves and histograms to plot a ranking by, from its counts."""

from __future__ import annotations

import heapq
from itertools import pairwise

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import LOG_ODDS_LIMIT, NUM_BINS, RankingHistogram


def precision_recall_curve(
    histogram: RankingHistogram, points: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision by falling threshold, float64 (n,) each, n at most `points`.

    Recall rises from 0 to 1, with the precision of the highest threshold that finds an outlier at
    recall 0. The step sum over the points is the AP, nearly where points were left out. Empty
    without outliers.
    """
    negatives, positives = histogram.ties()
    found = positives > 0
    if not found.any():
        return np.empty(0), np.empty(0)
    true_positives, false_positives = np.cumsum(positives)[found], np.cumsum(negatives)[found]
    recall = true_positives / true_positives[-1]
    precision = true_positives / (true_positives + false_positives)
    return _thin(np.r_[0.0, recall], np.r_[precision[0], precision], points)


def roc_curve(histogram: RankingHistogram, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return false- and true-positive rate by falling threshold, float64 (n,), n <= `points`.

    Both rise from 0 to 1. The area under straight lines between the points is the AUROC, nearly
    where points were left out. Empty without outliers or without inliers.
    """
    negatives, positives = histogram.ties()
    if not negatives.any() or not positives.any():
        return np.empty(0), np.empty(0)
    true_positives, false_positives = np.cumsum(positives), np.cumsum(negatives)
    return _thin(
        np.r_[0.0, false_positives / false_positives[-1]],
        np.r_[0.0, true_positives / true_positives[-1]],
        points,
    )


def score_histogram(
    histogram: RankingHistogram, bins: int = 64
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return edges of equal bins of the log-odds, and the inlier and outlier pixels in each.

    edges: float64 (bins + 1,) from -20 to 20, the end bins hold what lies beyond as well; pixels:
    int64 (bins,) each. bins: a power of two up to 65536, others are an OpenSetError.
    """
    if bins < 1 or NUM_BINS % bins:
        raise OpenSetError(f"bins is {bins}: give a power of two from 1 to {NUM_BINS}")
    edges = np.linspace(-LOG_ODDS_LIMIT, LOG_ODDS_LIMIT, bins + 1)
    inliers, outliers = histogram.counts.reshape(2, bins, -1).sum(2).astype(np.int64)
    return edges, inliers, outliers


def _thin(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep at most `points` of a curve with rising x.

    Half of them are spread equally over x, which keeps its step sum; the others are, one by one,
    those farthest from the straight lines between the points kept (Ramer 1972; Douglas and
    Peucker 1973), which keeps what is seen.
    """
    if points < 2:
        raise OpenSetError(f"points is {points}: give at least 2")
    if len(x) <= points:
        return x, y
    spread = np.searchsorted(x, np.linspace(x[0], x[-1], max(2, points // 2)))
    kept = {0, len(x) - 1, *np.minimum(spread, len(x) - 1).tolist()}
    ordered = sorted(kept)
    gaps = [_farthest(x, y, *ends) for ends in pairwise(ordered)]
    heapq.heapify(gaps)
    while len(kept) < points and gaps:
        _, start, middle, end = heapq.heappop(gaps)
        if start < middle < end:
            kept.add(middle)
            heapq.heappush(gaps, _farthest(x, y, start, middle))
            heapq.heappush(gaps, _farthest(x, y, middle, end))
    chosen = np.array(sorted(kept))
    return x[chosen], y[chosen]


def _farthest(x: np.ndarray, y: np.ndarray, start: int, end: int) -> tuple[float, int, int, int]:
    """Return the point between two others that is farthest from the line segment that joins them.

    As (minus its distance, start, its index, end); where there is none its index is `start`.
    """
    if end - start < 2:
        return 0.0, start, start, end
    along = np.array([x[end] - x[start], y[end] - y[start]])
    offset = np.stack([x[start + 1 : end] - x[start], y[start + 1 : end] - y[start]])
    length = along @ along
    share = np.clip(along @ offset / length, 0, 1) if length else np.zeros(offset.shape[1])
    distance = np.hypot(*(offset - along[:, None] * share))
    farthest = int(np.argmax(distance))
    return -float(distance[farthest]), start, start + 1 + farthest, end
