from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.by_area import RankingByArea
from ldn_openset_ros.metrics.ranking import exact_ranking


@pytest.fixture
def frame() -> tuple[np.ndarray, np.ndarray]:
    """A 20x20 frame: outliers of 1, 4 (touching by corners) and 25 pixels, and an ignored one."""
    outlier = np.zeros((20, 20), np.uint8)
    outlier[0, 0] = 1
    outlier[4:6, 4:5] = 1
    outlier[6:8, 5:6] = 1
    outlier[10:15, 10:15] = 1
    outlier[19] = 255
    scores = np.random.default_rng(0).normal(0, 2, outlier.shape).astype(np.float32)
    return scores + 2 * (outlier == 1), outlier


def test_outliers_are_sorted_by_their_share_of_the_picture(frame):
    # Shares of 400 pixels: 0.0025, 0.01 and 0.0625; the lower edge belongs to a bin.
    ranking = RankingByArea([0.001, 0.01, 0.05, 0.1])
    ranking.add(*frame)
    bins = ranking.measures()
    assert [(b.lower, b.upper, b.objects) for b in bins] == [
        (0.001, 0.01, 1),
        (0.01, 0.05, 1),
        (0.05, 0.1, 1),
    ]
    assert [b.measures.positives for b in bins] == [1, 4, 25]


def test_every_bin_is_ranked_against_all_inliers(frame):
    scores, outlier = frame
    ranking = RankingByArea([0.05, 0.1])
    ranking.add(scores, outlier)
    alone = outlier.copy()
    alone[:10] = np.where(outlier[:10] == 1, 255, outlier[:10])
    expected = exact_ranking(scores, alone)
    measures = ranking.measures()[0].measures
    assert measures.negatives == expected.negatives == (outlier == 0).sum()
    assert measures.average_precision == pytest.approx(expected.average_precision, abs=5e-4)
    assert measures.fpr95 == pytest.approx(expected.fpr95, abs=5e-4)


def test_frames_add_up_and_outliers_beyond_the_edges_count_nowhere(frame):
    ranking = RankingByArea([0.0001, 0.005])
    ranking.add(*frame)
    ranking.add(*frame)
    (smallest,) = ranking.measures()
    assert smallest.objects == smallest.measures.positives == 2
    assert smallest.measures.negatives == 2 * (frame[1] == 0).sum()


def test_an_upper_edge_belongs_to_the_next_bin(frame):
    # 25 of 400 pixels are 0.0625: outside of bins that end there.
    ranking = RankingByArea([0.01, 0.0625])
    ranking.add(*frame)
    (only,) = ranking.measures()
    assert (only.objects, only.measures.positives) == (1, 4)
    ranking = RankingByArea([0.0625, 1.0])
    ranking.add(*frame)
    assert ranking.measures()[0].measures.positives == 25


def test_ignored_pixels_part_an_outlier_and_count_nowhere():
    outlier = np.ones((1, 10), np.uint8)
    outlier[0, 4] = 255
    outlier[0, 9] = 0
    ranking = RankingByArea([0.3, 0.5])
    ranking.add(np.arange(10, dtype=np.float32)[None], outlier)
    (halves,) = ranking.measures()
    # Of ten pixels, four stand on either side of the ignored one.
    assert (halves.objects, halves.measures.positives, halves.measures.negatives) == (2, 8, 1)
    assert halves.measures.auroc == 0


def test_a_bin_without_outliers_is_not_defined(frame):
    ranking = RankingByArea([0.5, 1.0])
    ranking.add(*frame)
    (empty,) = ranking.measures()
    assert (empty.objects, empty.measures.positives) == (0, 0)
    assert np.isnan(empty.measures.average_precision)


def test_truth_that_does_not_belong_is_refused(frame):
    scores, outlier = frame
    with pytest.raises(OpenSetError, match="do not belong together"):
        RankingByArea([0.1, 0.2]).add(scores[1:], outlier)
    with pytest.raises(OpenSetError, match="other values than 0"):
        RankingByArea([0.1, 0.2]).add(scores, np.where(outlier == 1, 7, outlier).astype(np.uint8))


@pytest.mark.parametrize("edges", [[], [0.1], [0.2, 0.1], [0.1, 0.1], [0.1, np.nan]])
def test_edges_must_ascend(edges):
    with pytest.raises(OpenSetError, match="at least two ascending shares"):
        RankingByArea(edges)
