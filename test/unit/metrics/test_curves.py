"""Curves to plot: known corners, ends, and areas that thinning leaves as they are."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.curves import precision_recall_curve, roc_curve, score_histogram
from ldn_openset_ros.metrics.ranking import RankingHistogram


def histogram_of(log_odds, outlier) -> RankingHistogram:
    histogram = RankingHistogram()
    histogram.add(np.asarray(log_odds, np.float32), np.asarray(outlier, np.uint8))
    return histogram


def detector(gap: float, spread: float, prevalence: float) -> RankingHistogram:
    rng = np.random.default_rng(11)
    outlier = rng.random(200_000) < prevalence
    return histogram_of(spread * (gap * outlier - 1 + rng.normal(size=outlier.size)), outlier)


DETECTORS = {
    "easy": detector(6, 1, 0.03),
    "good": detector(3, 2, 0.02),
    "hard": detector(0.7, 1, 0.03),
    "rare": detector(2.5, 1, 0.0005),
    "saturated": detector(2, 15, 0.05),
    "by chance": detector(0, 1, 0.5),
}
SIX = histogram_of([5, 4, 3, 2, 1, 1], [1, 0, 1, 1, 0, 1])
"""Falling: outlier, inlier, outlier, outlier, then one of each."""


def test_precision_and_recall_by_hand():
    recall, precision = precision_recall_curve(SIX)
    assert recall.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert precision == pytest.approx([1, 1, 2 / 3, 3 / 4, 4 / 6])


def test_receiver_operating_characteristic_by_hand():
    false_positive_rate, true_positive_rate = roc_curve(SIX)
    assert false_positive_rate.tolist() == [0, 0, 0.5, 0.5, 0.5, 1]
    assert true_positive_rate.tolist() == [0, 0.25, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("points", [100, 200, 10**6])
def test_areas_stay_when_points_are_left_out(name, points):
    histogram = DETECTORS[name]
    measures = histogram.measures()
    exact = points > 65536
    recall, precision = precision_recall_curve(histogram, points)
    assert np.diff(recall) @ precision[1:] == pytest.approx(
        measures.average_precision, abs=1e-12 if exact else 0.01
    )
    false_positive_rate, true_positive_rate = roc_curve(histogram, points)
    area = np.diff(false_positive_rate) @ (true_positive_rate[1:] + true_positive_rate[:-1]) / 2
    assert area == pytest.approx(measures.auroc, abs=1e-12 if exact else 1e-3)


@pytest.mark.parametrize("curve", [precision_recall_curve, roc_curve])
@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("points", [2, 3, 50, 200])
def test_points_are_few_in_order_and_of_the_whole_curve(curve, name, points):
    x, y = curve(DETECTORS[name], points)
    whole = curve(DETECTORS[name], 10**6)
    assert len(x) == len(y) == min(points, len(whole[0]))
    assert (np.diff(x) >= 0).all()
    assert (x[0], x[-1]) == (0, 1)
    assert set(zip(x, y, strict=True)) <= set(zip(*whole, strict=True))
    assert (y[0], y[-1]) == (whole[1][0], whole[1][-1])


@pytest.mark.parametrize("curve", [precision_recall_curve, roc_curve])
@pytest.mark.parametrize("name", DETECTORS)
def test_straight_lines_between_the_points_show_the_whole_curve(curve, name):
    """No point of the whole curve is farther off than a plot of 200 pixels could show."""
    x, y = curve(DETECTORS[name], 200)
    whole_x, whole_y = curve(DETECTORS[name], 10**6)
    start, end = np.stack([x[:-1], y[:-1]]), np.stack([x[1:], y[1:]])
    along = end - start
    worst = 0.0
    for point in np.stack([whole_x, whole_y]).T[:: max(1, len(whole_x) // 2000)]:
        offset = point[:, None] - start
        share = np.clip((offset * along).sum(0) / (along**2).sum(0), 0, 1)
        worst = max(worst, np.hypot(*(offset - share * along)).min())
    assert worst < 0.005


def test_a_corner_between_spread_points_is_kept():
    """The first tenth of the outliers is found without an alarm, then come the alarms at once."""
    first, alarms, rest = np.linspace(9, 10, 100), np.full(900, 8.0), np.linspace(-5, 5, 900)
    histogram = histogram_of(
        np.concatenate([first, alarms, rest]), np.repeat([1, 0, 1], [100, 900, 900])
    )
    recall, precision = precision_recall_curve(histogram, 12)
    drop = int(np.argmax(precision < 1))
    assert (recall[drop - 1], precision[drop - 1]) == (0.1, 1)
    assert recall[drop] == pytest.approx(0.101)
    assert precision[drop] == pytest.approx(101 / 1001)


@pytest.mark.parametrize("truth", [[0, 0], [255, 255]])
def test_without_outliers_there_are_no_curves(truth):
    histogram = histogram_of([1, 2], truth)
    for curve in (precision_recall_curve, roc_curve):
        x, y = curve(histogram)
        assert x.shape == y.shape == (0,)


def test_without_inliers_precision_is_one_and_there_are_no_false_alarms_to_rate():
    histogram = histogram_of([1, 2], [1, 1])
    recall, precision = precision_recall_curve(histogram)
    assert recall.tolist() == [0, 0.5, 1]
    assert precision.tolist() == [1, 1, 1]
    assert roc_curve(histogram)[0].size == 0


def test_constant_scores_are_one_step():
    histogram = histogram_of([0.3] * 4, [1, 0, 0, 0])
    assert [part.tolist() for part in precision_recall_curve(histogram)] == [[0, 1], [0.25, 0.25]]
    assert [part.tolist() for part in roc_curve(histogram)] == [[0, 1], [0, 1]]


def test_a_curve_has_two_ends():
    for curve in (precision_recall_curve, roc_curve):
        with pytest.raises(OpenSetError, match="points is 1: give at least 2"):
            curve(SIX, 1)


def test_score_histogram_counts_every_pixel_in_its_bin():
    histogram = histogram_of([-30, -19.9, -0.1, 0.1, 0.2, 30], [0, 0, 0, 1, 0, 1])
    edges, inliers, outliers = score_histogram(histogram)
    assert edges.shape == (65,)
    assert edges[[0, 1, 32, 64]].tolist() == [-20, -19.375, 0, 20]
    assert inliers.dtype == outliers.dtype == np.int64
    assert {int(b): int(inliers[b]) for b in np.flatnonzero(inliers)} == {0: 2, 31: 1, 32: 1}
    assert np.flatnonzero(outliers).tolist() == [32, 63]


@pytest.mark.parametrize("bins", [0, -2, 60, 2**17])
def test_bins_must_divide_the_counts(bins):
    with pytest.raises(OpenSetError, match=f"bins is {bins}: give a power of two"):
        score_histogram(SIX, bins)
