"""Ranking measures against scikit-learn, by hand, and streamed against exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import (
    NUM_BINS,
    RankingHistogram,
    RankingMeasures,
    bin_centres,
    bin_counts,
    bin_indices,
    bin_probabilities,
    exact_ranking,
)

PIXELS = 60_000


def logistic(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))


def score_models() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return log-odds (float64) and truth of detectors of different kinds."""
    rng = np.random.default_rng(7)
    outlier = (rng.random(PIXELS) < 0.03).astype(np.uint8)
    noise = rng.normal(size=PIXELS)
    easy = 6.0 * outlier - 5 + noise
    return {
        "easy": (easy, outlier),
        "hard": (0.7 * outlier - 3 + noise, outlier),
        "saturated": (10 * (3.0 * outlier - 2 + noise), outlier),
        "confident": (-16 + 0.3 * (2.0 * outlier + noise), outlier),
        "tied": (np.round(easy), outlier),
    }


SCORE_MODELS = score_models()


def reference(scores: np.ndarray, outlier: np.ndarray) -> tuple[float, float, float]:
    false_positive_rate, true_positive_rate, _ = roc_curve(
        outlier, scores, drop_intermediate=False
    )
    return (
        average_precision_score(outlier, scores),
        roc_auc_score(outlier, scores),
        false_positive_rate[np.argmax(true_positive_rate >= 0.95)],
    )


def values(measures: RankingMeasures) -> tuple[float, float, float]:
    return measures.average_precision, measures.auroc, measures.fpr95


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", SCORE_MODELS)
def test_exact_ranking_equals_scikit_learn(model, dtype):
    log_odds, outlier = SCORE_MODELS[model]
    scores = log_odds.astype(dtype)

    measures = exact_ranking(scores, outlier)

    assert values(measures) == pytest.approx(reference(scores, outlier), abs=1e-9)
    assert measures.positives == outlier.sum()
    assert measures.negatives == PIXELS - outlier.sum()


@pytest.mark.parametrize("model", SCORE_MODELS)
def test_streaming_equals_exact_to_a_twentieth_of_a_point(model):
    log_odds, outlier = SCORE_MODELS[model]
    exact = exact_ranking(log_odds, outlier)

    histogram = RankingHistogram()
    for part, truth in zip(np.split(log_odds, 6), np.split(outlier, 6), strict=True):
        histogram.add(part.astype(np.float32).reshape(100, 100), truth.reshape(100, 100))

    streamed = histogram.measures()
    assert values(streamed) == pytest.approx(values(exact), abs=5e-4)
    assert (streamed.positives, streamed.negatives) == (exact.positives, exact.negatives)


@pytest.mark.parametrize("model", SCORE_MODELS)
def test_probabilities_rank_like_their_log_odds(model):
    log_odds, outlier = SCORE_MODELS[model]
    probabilities = logistic(log_odds)
    histogram = RankingHistogram()

    histogram.add_probabilities(probabilities, outlier)

    exact = exact_ranking(probabilities, outlier)
    assert values(histogram.measures()) == pytest.approx(values(exact), abs=5e-4)


def test_probability_bins_would_miss_what_log_odds_bins_find():
    """The reason for log-odds: 256 bins of probability lose the ranking of confident scores."""
    log_odds, outlier = SCORE_MODELS["confident"]
    exact = exact_ranking(log_odds, outlier)
    coarse = exact_ranking(np.floor(logistic(log_odds) * 256), outlier)
    histogram = RankingHistogram()

    histogram.add(log_odds, outlier)

    assert abs(coarse.fpr95 - exact.fpr95) > 0.1
    assert abs(histogram.measures().fpr95 - exact.fpr95) < 5e-4


def test_measures_by_hand_with_a_tie():
    """Ranking 1 | (0 1) | 0 0: one of two ties is an outlier."""
    scores = np.array([[0.9, 0.5, 0.5], [0.2, 0.1, 0.7]], np.float32)
    outlier = np.array([[1, 0, 1], [0, 0, 255]], np.uint8)
    histogram = RankingHistogram()
    histogram.add_probabilities(scores, outlier)

    for measures in (exact_ranking(scores, outlier), histogram.measures()):
        # Precision 1 at recall 1/2, then 2/3 at recall 1; 5.5 of 6 pairs in order; the second
        # outlier costs one of three inliers.
        assert measures.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
        assert measures.auroc == pytest.approx(5.5 / 6)
        assert measures.fpr95 == pytest.approx(1 / 3)
        assert (measures.positives, measures.negatives) == (2, 3)


def test_fpr95_takes_the_first_threshold_that_finds_95_percent():
    """Of 20 outliers 19 suffice: the last one, below all inliers, costs nothing."""
    scores = np.concatenate([np.arange(40, 21, -1.0), [0.0], np.arange(1.0, 11.0)])
    outlier = np.concatenate([np.ones(20), np.zeros(10)]).astype(np.uint8)
    assert exact_ranking(scores, outlier).fpr95 == 0

    outlier[18] = 255  # 18 of 19 found are only 94.7 %
    assert exact_ranking(scores, outlier).fpr95 == 1


def both_ways(log_odds: list[float], outlier: list[int]) -> tuple[RankingMeasures, ...]:
    scores, truth = np.array(log_odds, np.float32), np.array(outlier, np.uint8)
    histogram = RankingHistogram()
    histogram.add(scores, truth)
    return exact_ranking(scores, truth), histogram.measures()


def test_constant_scores_rank_by_chance():
    for measures in both_ways([0.3] * 8, [1, 1, 0, 0, 0, 0, 0, 0]):
        assert values(measures) == pytest.approx((0.25, 0.5, 1.0))


def test_without_outliers_nothing_is_defined():
    for measures in both_ways([0.1, 0.2, 5], [0, 0, 255]):
        assert all(math.isnan(value) for value in values(measures))
        assert (measures.positives, measures.negatives) == (0, 2)


def test_without_inliers_every_alarm_is_right():
    for measures in both_ways([0.1, 0.2], [1, 1]):
        assert measures.average_precision == 1
        assert math.isnan(measures.auroc)
        assert math.isnan(measures.fpr95)


@pytest.mark.parametrize(("log_odds", "outlier"), [([], []), ([0.5, 1], [255, 255])])
def test_without_pixels_nothing_is_defined(log_odds, outlier):
    for measures in both_ways(log_odds, outlier):
        assert all(math.isnan(value) for value in values(measures))
        assert (measures.positives, measures.negatives) == (0, 0)


def test_infinite_log_odds_fall_into_the_end_bins():
    for measures in both_ways([np.inf, 300, -np.inf, -300], [1, 0, 0, 0]):
        assert measures.positives == 1
    histogram = RankingHistogram()

    histogram.add(np.array([np.inf, -np.inf, 25, -25.0]), np.array([1, 0, 1, 0], np.uint8))
    histogram.add_probabilities(np.array([1.0, 0.0]), np.array([1, 0], np.uint8))

    assert histogram.counts[0, 0] == 3
    assert histogram.counts[1, NUM_BINS - 1] == 3
    assert histogram.counts.sum() == 6


def test_bins_are_equal_steps_of_log_odds():
    width = 40 / NUM_BINS
    histogram = RankingHistogram()

    histogram.add(np.array([0.5 * width, -0.5 * width, 3.5 * width]), np.zeros(3, np.uint8))

    assert np.flatnonzero(histogram.counts[0]).tolist() == [
        NUM_BINS // 2 - 1,
        NUM_BINS // 2,
        NUM_BINS // 2 + 3,
    ]


def test_nan_counts_as_an_error_unless_ignored():
    scores = np.array([0.1, np.nan, 0.9], np.float32)
    ignored = np.array([0, 255, 1], np.uint8)
    for measures in both_ways(scores.tolist(), ignored.tolist()):
        assert values(measures) == (1, 1, 0)

    counted = np.array([0, 0, 1], np.uint8)
    histogram = RankingHistogram()
    for rank in (exact_ranking, bin_counts, histogram.add, histogram.add_probabilities):
        with pytest.raises(OpenSetError, match="NaN"):
            rank(scores, counted)
    assert histogram.counts.sum() == 0


def test_the_callers_arrays_stay_as_they_are():
    scores, outlier = np.array([2.0, np.nan], np.float32), np.array([1, 255], np.uint8)

    RankingHistogram().add(scores, outlier)

    np.testing.assert_array_equal(scores, [2.0, np.nan])
    np.testing.assert_array_equal(outlier, [1, 255])


@pytest.mark.parametrize("probability", [-0.01, 1.01, np.inf])
def test_scores_without_log_odds_are_refused(probability):
    with pytest.raises(OpenSetError, match=r"outside \[0, 1\]"):
        RankingHistogram().add_probabilities(np.array([probability]), np.zeros(1, np.uint8))


def test_unequal_shapes_and_strange_truth_are_refused():
    histogram = RankingHistogram()
    for rank in (exact_ranking, histogram.add):
        with pytest.raises(OpenSetError, match=r"\(2, 3\).*\(3, 2\)"):
            rank(np.zeros((2, 3)), np.zeros((3, 2), np.uint8))
        with pytest.raises(OpenSetError, match="255"):
            rank(np.zeros(3), np.array([0, 1, 2], np.uint8))


def test_merged_parts_equal_the_whole():
    log_odds, outlier = SCORE_MODELS["hard"]
    whole, first, second = RankingHistogram(), RankingHistogram(), RankingHistogram()
    whole.add(log_odds, outlier)
    first.add(log_odds[:20_000], outlier[:20_000])
    second.add(log_odds[20_000:], outlier[20_000:])

    first.merge(RankingHistogram(second.counts))

    np.testing.assert_array_equal(first.counts, whole.counts)
    assert first.measures() == whole.measures()
    assert second.counts.sum() == PIXELS - 20_000


def test_frames_give_the_same_counts_in_any_order_and_grouping():
    log_odds, outlier = SCORE_MODELS["saturated"]
    whole = RankingHistogram()
    whole.add(log_odds, outlier)
    frames = [
        bin_counts(*frame)
        for frame in zip(np.split(log_odds, 12), np.split(outlier, 12), strict=True)
    ]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(12)
        shards = [RankingHistogram() for _ in range(3)]
        for place, frame in enumerate(order):
            shards[place % 3].add_counts(frames[frame])
        merged = RankingHistogram()
        for shard in shards:
            merged.merge(shard)
        np.testing.assert_array_equal(merged.counts, whole.counts)
        assert merged.measures() == whole.measures()


def test_arrays_bring_back_the_histogram(tmp_path):
    histogram = RankingHistogram()
    histogram.add(*SCORE_MODELS["easy"])

    np.savez(tmp_path / "state.npz", **histogram.to_arrays())
    read = RankingHistogram.from_arrays(np.load(tmp_path / "state.npz"))

    assert read.counts.dtype == np.uint64
    np.testing.assert_array_equal(read.counts, histogram.counts)
    read.add(np.zeros(1), np.ones(1, np.uint8))
    assert histogram.counts.sum() == PIXELS  # the copy counts on its own


@pytest.mark.parametrize(
    "counts",
    [np.zeros((2, 256), np.uint64), np.zeros(NUM_BINS, np.uint64), np.zeros((2, NUM_BINS))],
)
def test_foreign_counts_are_refused(counts):
    histogram = RankingHistogram()
    with pytest.raises(OpenSetError, match=r"give integers of shape \(2, 65536\)"):
        histogram.add_counts(counts)
    with pytest.raises(OpenSetError, match="65536"):
        RankingHistogram(counts)
    foreign = RankingHistogram()
    foreign.counts = counts
    with pytest.raises(OpenSetError, match="65536"):
        histogram.merge(foreign)


def test_counts_of_one_frame():
    log_odds = np.array([[-25, 0.0, 0.0], [0.0, np.inf, np.nan]], np.float32)
    outlier = np.array([[0, 0, 1], [0, 1, 255]], np.uint8)

    counts = bin_counts(log_odds, outlier)

    assert counts.dtype == np.uint64
    assert counts.shape == (2, NUM_BINS)
    assert [(int(b), int(counts[0, b])) for b in np.flatnonzero(counts[0])] == [
        (0, 1),
        (NUM_BINS // 2, 2),
    ]
    assert np.flatnonzero(counts[1]).tolist() == [NUM_BINS // 2, NUM_BINS - 1]
    assert bin_indices(log_odds[:1]).tolist() == [[0, NUM_BINS // 2, NUM_BINS // 2]]


@pytest.mark.parametrize("model", SCORE_MODELS)
@pytest.mark.parametrize("share", [0.5, 0.03, 0.001])
def test_average_precision_at_another_prevalence_equals_weighted_scikit_learn(model, share):
    log_odds, outlier = SCORE_MODELS[model]
    weights = np.where(outlier == 1, share / outlier.mean(), (1 - share) / (1 - outlier.mean()))
    histogram = RankingHistogram()
    histogram.add(log_odds, outlier)
    expected = average_precision_score(outlier, bin_indices(log_odds), sample_weight=weights)
    assert histogram.average_precision_at(share) == pytest.approx(expected, abs=1e-9)


def test_average_precision_at_its_own_prevalence_is_average_precision():
    log_odds, outlier = SCORE_MODELS["hard"]
    histogram = RankingHistogram()
    histogram.add(log_odds, outlier)
    own = histogram.average_precision_at(float(outlier.mean()))
    assert own == pytest.approx(histogram.measures().average_precision, abs=1e-12)
    assert histogram.average_precision_at(1.0) == 1


def test_average_precision_at_a_prevalence_needs_both_kinds_of_pixels():
    for truth in ([0, 0], [1, 1], [255, 255]):
        assert math.isnan(histogram_of([0, 1], truth).average_precision_at(0.1))
    for prevalence in (0.0, 1.01, math.nan):
        with pytest.raises(OpenSetError, match="above 0, at most 1"):
            TWENTY.average_precision_at(prevalence)


def test_memory_is_one_mebibyte():
    assert RankingHistogram().counts.nbytes == 2**20


def test_best_f1_threshold_separates_what_can_be_separated():
    histogram = RankingHistogram()
    scores = np.array([0.1, 0.2, 0.3, 0.6, 0.7])
    histogram.add_probabilities(scores, np.array([0, 0, 0, 1, 1], np.uint8))
    threshold = histogram.best_f1_threshold()
    assert 0.3 < threshold <= 0.6
    assert threshold == pytest.approx(0.6, abs=1e-3)


def test_best_f1_threshold_weighs_misses_against_alarms():
    """At 0.4 two outliers and one inlier are called: F1 4/5, against 2/3 at 0.8."""
    histogram = RankingHistogram()
    truth = np.array([1, 0, 1, 0], np.uint8)
    histogram.add_probabilities(np.array([0.8, 0.6, 0.4, 0.2]), truth)
    assert histogram.best_f1_threshold() == pytest.approx(0.4, abs=1e-3)


def test_best_f1_threshold_needs_outliers():
    assert math.isnan(RankingHistogram().best_f1_threshold())


def histogram_of(log_odds: list[float], outlier: list[int]) -> RankingHistogram:
    histogram = RankingHistogram()
    histogram.add(np.array(log_odds), np.array(outlier, np.uint8))
    return histogram


TWENTY = histogram_of([*range(-10, 0), *range(1, 11)], [0, 1] * 10)
"""Inliers at log-odds -10, -8, ... -2, 1, 3, ... 9, outliers at -9, -7, ... -1, 2, 4, ... 10."""


@pytest.mark.parametrize(
    ("rate", "log_odds"),
    [(0.0, 20), (0.01, 10), (0.1, 10), (0.11, 8), (0.5, 2), (0.51, -1), (0.95, -9), (1.0, -9)],
)
def test_the_highest_threshold_that_reaches_a_true_positive_rate(rate, log_odds):
    threshold = TWENTY.threshold_for_true_positive_rate(rate)
    width = 40 / NUM_BINS
    assert threshold == pytest.approx(logistic(log_odds), rel=1.01 * width)
    assert threshold <= logistic(log_odds)


@pytest.mark.parametrize(
    ("rate", "just_above"),
    [(0.0, 9), (0.09, 9), (0.1, 7), (0.5, -2), (0.59, -2), (0.6, -4), (0.9, -10)],
)
def test_the_lowest_threshold_that_keeps_a_false_positive_rate(rate, just_above):
    threshold = TWENTY.threshold_for_false_positive_rate(rate)
    width = 40 / NUM_BINS
    assert logistic(just_above) < threshold <= logistic(just_above + 1.01 * width)


def test_every_inlier_may_be_called():
    assert TWENTY.threshold_for_false_positive_rate(1.0) == 0


def test_the_lowest_bin_is_reached_by_the_threshold_zero():
    """Its pixels may lie at any log-odds below, so no other threshold is sure to find them."""
    histogram = histogram_of([-30, 5, 5], [1, 1, 0])
    assert histogram.threshold_for_true_positive_rate(1.0) == 0
    assert histogram.threshold_for_true_positive_rate(0.5) > 0.99


def test_inliers_in_the_highest_bin_leave_no_threshold():
    histogram = histogram_of([25, 1, 30], [0, 0, 1])
    assert math.isnan(histogram.threshold_for_false_positive_rate(0.4))
    assert histogram.threshold_for_false_positive_rate(0.5) == pytest.approx(logistic(1), abs=1e-3)


def test_thresholds_need_pixels_of_their_kind():
    inliers, outliers = histogram_of([0, 1], [0, 0]), histogram_of([0, 1], [1, 1])
    assert math.isnan(inliers.threshold_for_true_positive_rate(0.5))
    assert math.isnan(outliers.threshold_for_false_positive_rate(0.5))
    assert inliers.threshold_for_false_positive_rate(0.5) > 0.5
    assert outliers.threshold_for_true_positive_rate(1.0) == 0.5


def test_ties_are_the_filled_bins_by_falling_score():
    negatives, positives = histogram_of([-3, 5, 5, 5, 1, 2], [0, 1, 0, 0, 1, 255]).ties()
    assert negatives.tolist() == [2, 0, 1]
    assert positives.tolist() == [1, 1, 0]
    assert negatives.dtype == positives.dtype == np.int64
    assert [part.size for part in RankingHistogram().ties()] == [0, 0]


def test_bin_centres_lie_in_their_bins():
    centres = bin_centres()
    histogram = RankingHistogram()
    histogram.add(centres, np.zeros(NUM_BINS, np.uint8))
    assert (histogram.counts[0] == 1).all()
    assert centres[[0, -1]] == pytest.approx([-20 + 20 / NUM_BINS, 20 - 20 / NUM_BINS])


@pytest.mark.parametrize("temperature", [0.01, 1.0, 3.0])
def test_bin_probabilities_are_the_sigmoid_of_the_centres(temperature):
    probabilities = bin_probabilities(temperature)
    shown = np.abs(bin_centres() / temperature) < 700
    assert probabilities[shown] == pytest.approx(
        logistic(bin_centres()[shown] / temperature), abs=1e-15
    )
    assert (np.diff(probabilities) >= 0).all()
