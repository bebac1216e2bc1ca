"""Means over images: which images count, the rule of their FPR95, parts and wholes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ldn_openset_ros.metrics.per_image import PerImageRanking, nearest_fpr95
from ldn_openset_ros.metrics.ranking import RankingHistogram, bin_counts


def images(count: int = 6) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return log-odds and truth; images differ by an offset."""
    rng = np.random.default_rng(2)
    made = []
    for number in range(count):
        outlier = (rng.random((40, 50)) < 0.02 * (number + 1)).astype(np.uint8)
        outlier[rng.random(outlier.shape) < 0.1] = 255
        scores = rng.normal(size=outlier.shape) + 1.5 * (outlier == 1) + 3 * number
        made.append((scores, outlier))
    return made


def ranking_of(frames) -> PerImageRanking:
    ranking = PerImageRanking()
    for frame in frames:
        ranking.add(bin_counts(*frame))
    return ranking


def test_means_are_those_of_every_image_by_itself():
    frames = images()
    measures = ranking_of(frames).measures()
    singles = [(scores[truth < 2], truth[truth < 2]) for scores, truth in frames]
    expected_ap = np.mean([average_precision_score(truth, scores) for scores, truth in singles])
    expected_auroc = np.mean([roc_auc_score(truth, scores) for scores, truth in singles])
    assert measures.average_precision == pytest.approx(expected_ap, abs=5e-4)
    assert measures.auroc == pytest.approx(expected_auroc, abs=5e-4)
    assert (measures.images, measures.left_out) == (6, 0)


def test_an_offset_of_an_image_costs_the_global_ranking_alone():
    frames = images()
    pooled = RankingHistogram()
    for frame in frames:
        pooled.add(*frame)
    per_image = ranking_of(frames).measures()
    unshifted = ranking_of([(scores - 3 * n, truth) for n, (scores, truth) in enumerate(frames)])
    assert per_image.average_precision == pytest.approx(
        unshifted.measures().average_precision, abs=1e-3
    )
    assert per_image.average_precision > pooled.measures().average_precision + 0.15


def test_images_of_one_kind_of_pixels_are_left_out():
    frame = (np.array([3.0, 1, 2, 0]), np.array([1, 0, 1, 0], np.uint8))
    scores = np.zeros(4)
    others = [np.zeros(4), np.ones(4), np.full(4, 255), np.array([0, 255, 0, 255])]
    ranking = ranking_of([frame, *[(scores, truth.astype(np.uint8)) for truth in others]])
    measures = ranking.measures()
    assert (measures.images, measures.left_out) == (1, 4)
    assert (measures.average_precision, measures.auroc, measures.fpr95) == (1, 1, 0)


def test_without_images_nothing_is_defined():
    for ranking in (PerImageRanking(), ranking_of([(np.zeros(2), np.zeros(2, np.uint8))])):
        measures = ranking.measures()
        assert measures.images == 0
        assert math.isnan(measures.average_precision)
        assert math.isnan(measures.auroc)
        assert math.isnan(measures.fpr95)


def single(log_odds, outlier) -> RankingHistogram:
    return RankingHistogram(
        bin_counts(np.asarray(log_odds, np.float32), np.asarray(outlier, np.uint8))
    )


def test_fpr95_is_read_where_the_rate_is_nearest_to_95_percent():
    """Of 18 outliers 17 are 94.4 %: nearest, though `fpr95` asks for the last one as well."""
    histogram = single([*[5] * 17, 1, 1, 1, 0, 0], [*[1] * 17, 1, 0, 0, 0, 0])
    assert nearest_fpr95(histogram) == 0
    assert histogram.measures().fpr95 == 0.5


def test_of_thresholds_that_find_all_the_highest_counts():
    assert nearest_fpr95(single([3, 2, 1, 0], [1, 0, 0, 0])) == 0
    assert nearest_fpr95(single([2, 3, 1, 0], [1, 0, 0, 0])) == pytest.approx(1 / 3)


def test_of_thresholds_with_the_same_rate_the_lowest_counts():
    """19 of 20 are 95 % at three thresholds: the one with all inliers above the last outlier."""
    histogram = single([*[9] * 19, 8, 7, 1, 0], [*[1] * 19, 0, 0, 1, 0])
    assert nearest_fpr95(histogram) == pytest.approx(2 / 3)
    assert histogram.measures().fpr95 == 0


def test_constant_scores_call_everything():
    assert nearest_fpr95(single([0.5] * 4, [0, 1, 0, 0])) == 1


@pytest.mark.parametrize("truth", [[0, 0], [1, 1], [255, 255]])
def test_fpr95_needs_both_kinds_of_pixels(truth):
    assert math.isnan(nearest_fpr95(single([0, 1], truth)))


def test_merged_images_in_any_order_equal_one_pass_and_arrays_bring_them_back(tmp_path):
    frames = images(8)
    whole = ranking_of(frames)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(8)
        first, second = (ranking_of([frames[n] for n in part]) for part in np.split(order, 2))
        first.merge(second)
        assert first.measures() == whole.measures()

    np.savez(tmp_path / "state.npz", **whole.to_arrays())
    read = PerImageRanking.from_arrays(np.load(tmp_path / "state.npz"))
    assert read.measures() == whole.measures()
