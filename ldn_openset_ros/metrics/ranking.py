"""Outlier detection as a ranking of pixels: AP, AUROC and FPR95 (METHOD section 5).

Outliers are the positive class, ignored pixels never count, and all pixels of all frames go into
one ranking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX

TPR_OF_FPR95 = 0.95
NUM_BINS = 65_536
LOG_ODDS_LIMIT = 20.0
"""The histogram's bins divide [-20, 20] equally; the end bins hold what lies beyond."""
BINS_PER_UNIT = NUM_BINS / (2 * LOG_ODDS_LIMIT)


@dataclass(frozen=True)
class RankingMeasures:
    """Quality of an outlier ranking, as fractions from 0 to 1.

    A measure that is not defined is NaN: all three without outliers, AUROC and FPR95 without
    inliers.
    """

    average_precision: float
    """Area under the precision-recall curve as a step sum, without interpolation."""
    auroc: float
    """Area under the ROC curve; ties count half."""
    fpr95: float
    """False-positive rate at the highest threshold that finds at least 95 % of the outliers."""
    positives: int
    """Number of outlier pixels."""
    negatives: int
    """Number of inlier pixels."""


def exact_ranking(scores: np.ndarray, outlier: np.ndarray) -> RankingMeasures:
    """Rank by sorting; takes memory in proportion to the number of pixels.

    `scores` are floats of any shape and range, higher meaning more outlier; `outlier` has the
    same shape and holds 0 (inlier), 1 (outlier) or 255 (ignored). A NaN score on a pixel that
    counts is an OpenSetError.
    """
    check_truth(scores, outlier)
    counted = outlier != IGNORE_INDEX
    scores, positive = scores[counted], outlier[counted] == 1
    if np.isnan(scores).any():
        raise _nan_error()
    descending = np.argsort(scores)[::-1]
    scores, positive = scores[descending], positive[descending]
    starts_of_ties = np.flatnonzero(np.r_[scores.size > 0, scores[1:] != scores[:-1]])
    positives = np.add.reduceat(positive, starts_of_ties, dtype=np.int64)
    pixels = np.diff(np.r_[starts_of_ties, scores.size])
    return _measure(positives, pixels - positives)


class RankingHistogram:
    """One-pass ranking in constant memory: two counts over equal bins of the score's log-odds.

    Log-odds resolve scores near 0 and 1, where probability bins would merge the very pixels that
    decide AP and FPR95. Pixels that share a bin are ties.
    """

    def __init__(self, counts: np.ndarray | None = None) -> None:
        """Start empty, or from the `counts` of another histogram."""
        self.counts = np.zeros((2, NUM_BINS), np.uint64)
        """uint64 (2, 65536): inlier and outlier pixels by ascending log-odds."""
        if counts is not None:
            self.add_counts(counts)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> RankingHistogram:
        """Build the histogram that `to_arrays` was called on."""
        return cls(arrays["counts"])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs: `counts`."""
        return {"counts": self.counts}

    def add(self, log_odds: np.ndarray, outlier: np.ndarray) -> None:
        """Count pixels by their log-odds of being an outlier; see `bin_counts`."""
        self.add_counts(bin_counts(log_odds, outlier))

    def add_counts(self, counts: np.ndarray) -> None:
        """Add (2, 65536) counts of inlier and outlier pixels, as `bin_counts` returns them."""
        self.counts += _checked_counts(counts)

    def add_probabilities(self, probabilities: np.ndarray, outlier: np.ndarray) -> None:
        """Count pixels by a score in [0, 1]; see `add`."""
        self.add(log_odds_of(probabilities), outlier)

    def merge(self, other: RankingHistogram) -> None:
        """Take in all pixels of another histogram."""
        self.add_counts(other.counts)

    def ties(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the inlier and the outlier pixels of the bins that hold any, by falling score.

        Two int64 arrays (n,), n at most 65536.
        """
        return _ties(self.counts)

    def measures(self) -> RankingMeasures:
        """Return the measures of all pixels so far."""
        return measure_counts(self.counts)

    def average_precision_at(self, prevalence: float) -> float:
        """Return the AP if the share of the outliers among the pixels were `prevalence`.

        prevalence: above 0, at most 1. The outliers and the inliers keep their scores and are
        weighted, so that AP of sets with unlike shares of outliers can be compared. NaN without
        outliers or without inliers.
        """
        if not 0 < prevalence <= 1:
            raise OpenSetError(f"prevalence is {prevalence}: give a share above 0, at most 1")
        negatives, positives = self.ties()
        total_positives, total_negatives = int(positives.sum()), int(negatives.sum())
        if not total_positives or not total_negatives:
            return math.nan
        return _average_precision(
            positives * (prevalence * total_negatives),
            negatives * ((1 - prevalence) * total_positives),
        )

    def best_f1_threshold(self) -> float:
        """Return the probability from which on pixels are best called outliers, by F1.

        It is the lower edge of a bin; NaN without outliers.
        """
        negatives, positives = self.counts[:, ::-1].astype(np.int64)
        if not positives.any():
            return math.nan
        found, called = np.cumsum(positives), np.cumsum(positives + negatives)
        f1 = 2 * found / (positives.sum() + called)
        return _lower_edge(NUM_BINS - 1 - int(np.argmax(f1)))

    def threshold_for_true_positive_rate(self, rate: float) -> float:
        """Return the highest probability from which on `rate` of the outliers or more are found.

        rate: from 0 to 1. It is the lower edge of a bin, 0 for the lowest one; NaN without
        outliers.
        """
        found = np.cumsum(self.counts[1, ::-1].astype(np.int64))
        if not found[-1]:
            return math.nan
        return _lower_edge(NUM_BINS - 1 - int(np.argmax(found / found[-1] >= rate)))

    def threshold_for_false_positive_rate(self, rate: float) -> float:
        """Return the lowest probability from which on `rate` of the inliers or less are called.

        rate: from 0 to 1. It is the lower edge of a bin, 0 for the lowest one; NaN without
        inliers, and where the highest bin alone holds more of them.
        """
        alarms = np.cumsum(self.counts[0, ::-1].astype(np.int64))
        if not alarms[-1]:
            return math.nan
        bins = int(np.count_nonzero(alarms / alarms[-1] <= rate))
        return _lower_edge(NUM_BINS - bins) if bins else math.nan


def log_odds_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the log-odds of scores in [0, 1], float64, infinite at 0 and 1; NaN stays.

    Raises OpenSetError for scores outside.
    """
    exact = probabilities.astype(np.float64)
    if ((exact < 0) | (exact > 1)).any():
        raise OpenSetError(
            "outlier scores outside [0, 1] have no log-odds: give probabilities, or map the "
            "score to log-odds"
        )
    with np.errstate(divide="ignore"):
        return np.log(exact) - np.log1p(-exact)


def bin_counts(log_odds: np.ndarray, outlier: np.ndarray) -> np.ndarray:
    """Return the histogram of one frame, uint64 (2, 65536): its inlier and its outlier pixels.

    log_odds: floats of any shape, higher meaning more outlier, ±inf allowed; outlier: the same
    shape, 0 (inlier), 1 (outlier) or 255 (ignored). A NaN on a pixel that counts is an
    OpenSetError.
    """
    check_truth(log_odds, outlier)
    scores, truth = log_odds.ravel(), outlier.ravel()
    counts = [
        np.bincount(bin_indices(scores[truth == value]), minlength=NUM_BINS) for value in (0, 1)
    ]
    return np.stack(counts, dtype=np.uint64, casting="unsafe")


def bin_indices(log_odds: np.ndarray) -> np.ndarray:
    """Return the bin of every log-odds, integers from 0 to 65535 in their shape.

    A NaN is an OpenSetError.
    """
    position = np.multiply(log_odds, BINS_PER_UNIT, dtype=np.float32)
    if position.size and math.isnan(position.min()):
        raise _nan_error()
    position += np.float32(NUM_BINS / 2)
    np.clip(position, 0, NUM_BINS - 1, out=position)
    return position.astype(np.intp)


def bin_centres() -> np.ndarray:
    """Return the log-odds in the middle of every bin, ascending float64 (65536,)."""
    return (np.arange(NUM_BINS) + 0.5 - NUM_BINS / 2) / BINS_PER_UNIT


def bin_probabilities(temperature: float = 1.0) -> np.ndarray:
    """Return sigmoid(log-odds / temperature) in the middle of every bin, ascending float64."""
    return 0.5 + 0.5 * np.tanh(bin_centres() / (2 * temperature))  # the sigmoid, without overflow


def _lower_edge(index: int) -> float:
    """Return the least probability in a bin; the lowest one holds all that lies below."""
    return 1 / (1 + math.exp(-(index - NUM_BINS / 2) / BINS_PER_UNIT)) if index else 0.0


def measure_counts(counts: np.ndarray) -> RankingMeasures:
    """Measure a ranking from (2, n) counts of inlier and outlier pixels by ascending score."""
    negatives, positives = _ties(counts)
    return _measure(positives, negatives)


def _ties(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    filled = np.flatnonzero(counts.any(axis=0))[::-1]
    negatives, positives = counts[:, filled].astype(np.int64)
    return negatives, positives


def _measure(positives: np.ndarray, negatives: np.ndarray) -> RankingMeasures:
    """Measure a ranking from its int64 counts per tie, in the order of falling scores."""
    true_positives, false_positives = np.cumsum(positives), np.cumsum(negatives)
    total_positives, total_negatives = int(positives.sum()), int(negatives.sum())
    average_precision = auroc = fpr95 = math.nan
    if total_positives:
        average_precision = _average_precision(positives, negatives)
    if total_positives and total_negatives:
        outranked = total_positives - true_positives + positives / 2
        auroc = 1 - float(negatives / total_negatives @ (outranked / total_positives))
        recall = true_positives / total_positives
        fpr95 = float(false_positives[np.argmax(recall >= TPR_OF_FPR95)]) / total_negatives
    return RankingMeasures(average_precision, auroc, fpr95, total_positives, total_negatives)


def _average_precision(positives: np.ndarray, negatives: np.ndarray) -> float:
    """Return the step sum over the ties, in the order of falling scores, of counts or weights."""
    steps = positives > 0
    found, alarms = np.cumsum(positives)[steps], np.cumsum(negatives)[steps]
    return float(positives[steps] @ (found / (found + alarms))) / float(found[-1])


def _checked_counts(counts: np.ndarray) -> np.ndarray:
    shape = (2, NUM_BINS)
    if counts.shape != shape or counts.dtype.kind not in "ui":
        raise OpenSetError(
            f"ranking counts are {counts.dtype} of shape {counts.shape}: give integers of shape "
            f"{shape}"
        )
    return counts.astype(np.uint64, copy=False)


def check_truth(scores: np.ndarray, outlier: np.ndarray) -> None:
    """Raise OpenSetError where scores and outlier truth differ in shape or the truth is none."""
    if scores.shape != outlier.shape:
        raise OpenSetError(
            f"outlier scores of shape {scores.shape} and truth of shape {outlier.shape} do not "
            "belong together: give both at the same resolution"
        )
    if ((outlier > 1) & (outlier != IGNORE_INDEX)).any():
        raise OpenSetError(
            "outlier truth holds other values than 0 (inlier), 1 (outlier) and 255 (ignored): "
            "convert it to these"
        )


def _nan_error() -> OpenSetError:
    return OpenSetError("outlier scores hold NaN: check the model and the score that made them")
