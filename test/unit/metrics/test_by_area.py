from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.by_area import RankingByArea
from ldn_openset_ros.metrics.ranking import RankingHistogram, bin_counts, exact_ranking


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


def assert_same(first: RankingByArea, second: RankingByArea) -> None:
    for (name, one), two in zip(
        first.to_arrays().items(), second.to_arrays().values(), strict=True
    ):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two, err_msg=name)


def test_at_matched_prevalence_bins_of_unlike_size_are_alike():
    """Scores that know nothing of size: AP follows the number of pixels, the matched one not."""
    rng = np.random.default_rng(3)
    outlier = np.zeros((400, 400), np.uint8)
    outlier[:100, :200] = 1
    for row in range(150, 400, 10):
        outlier[row : row + 5, 300:305] = 1
    scores = rng.normal(size=outlier.shape) + 2.0 * (outlier == 1)
    ranking = RankingByArea([0, 0.001, 1])
    ranking.add(scores, outlier)
    small, large = ranking.measures()
    assert (small.objects, large.objects) == (25, 1)
    assert small.measures.average_precision < 0.2
    assert large.measures.average_precision > 0.65
    assert small.matched_average_precision == pytest.approx(
        large.matched_average_precision, abs=0.03
    )


def test_prevalence_is_that_of_outliers_of_all_sizes(frame):
    scores, outlier = frame
    ranking = RankingByArea([0.005, 0.05])
    ranking.add(scores, outlier)
    alone = RankingHistogram()
    alone.add(
        scores,
        np.where(np.isin(np.arange(20), [4, 5, 6, 7])[:, None] | (outlier == 0), outlier, 255),
    )
    # The outlier of 4 pixels, as if it were all 30.
    expected = alone.average_precision_at(30 / (30 + (outlier == 0).sum()))
    (middle,) = ranking.measures()
    assert middle.measures.positives == 4
    assert middle.matched_average_precision == pytest.approx(expected, abs=1e-12)


def test_counts_made_before_give_the_same(frame):
    edges = [0.001, 0.01, 0.1]
    alone, given = RankingByArea(edges), RankingByArea(edges)
    alone.add(*frame)
    given.add(*frame, counts=bin_counts(*frame))
    assert_same(alone, given)


def test_merged_frames_in_any_order_equal_one_pass_and_arrays_bring_them_back(frame, tmp_path):
    scores, outlier = frame
    frames = [(np.roll(scores, n, 0), np.roll(outlier, n, 1)) for n in range(4)]
    whole = RankingByArea([0.001, 0.01, 0.1])
    parts = [RankingByArea([0.001, 0.01, 0.1]) for _ in frames]
    for part, one in zip(parts, frames, strict=True):
        whole.add(*one)
        part.add(*one)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        merged = RankingByArea([0.001, 0.01, 0.1])
        for number in order:
            merged.merge(parts[number])
        assert_same(merged, whole)
        assert merged.measures() == whole.measures()

    np.savez(tmp_path / "state.npz", **whole.to_arrays())
    read = RankingByArea.from_arrays(np.load(tmp_path / "state.npz"))
    assert_same(read, whole)
    assert read.measures() == whole.measures()


def test_other_edges_cannot_be_merged():
    with pytest.raises(OpenSetError, match=r"\[0.1, 0.2\] and \[0.1, 0.3\] cannot be merged"):
        RankingByArea([0.1, 0.2]).merge(RankingByArea([0.1, 0.3]))


def test_frames_without_outliers_add_their_inliers(frame):
    scores, outlier = frame
    ranking = RankingByArea([0.0, 1.0])
    ranking.add(scores, np.where(outlier == 1, 255, outlier))
    (only,) = ranking.measures()
    assert (only.measures.positives, only.measures.negatives) == (0, (outlier == 0).sum())
    assert np.isnan(only.matched_average_precision)


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


def test_an_outlier_that_fills_the_picture_is_in_the_last_bin():
    ranking = RankingByArea((0.0, 0.5, 1.0))
    ranking.add(np.zeros((4, 4), np.float32), np.ones((4, 4), np.uint8))
    assert [entry.objects for entry in ranking.measures()] == [0, 1]
    assert ranking.measures()[1].measures.positives == 16
