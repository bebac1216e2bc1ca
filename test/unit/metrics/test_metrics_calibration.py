"""Reliability and its expected error: known numbers, edges, parts and wholes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.metrics.calibration import NUM_BINS, Reliability, reliability
from ldn_openset_ros.metrics.ranking import RankingHistogram


def counted(probabilities, outlier) -> RankingHistogram:
    histogram = RankingHistogram()
    histogram.add_probabilities(np.asarray(probabilities, float), np.asarray(outlier, np.uint8))
    return histogram


def error(probabilities, outlier, **settings) -> float:
    return reliability(counted(probabilities, outlier), **settings).expected_calibration_error()


def by_definition(probabilities: np.ndarray, outlier: np.ndarray) -> float:
    """Return the expected calibration error, pixel by pixel."""
    places = np.minimum((probabilities * NUM_BINS).astype(int), NUM_BINS - 1)
    gaps = [
        abs(outlier[places == b].mean() - probabilities[places == b].mean()) * (places == b).sum()
        for b in np.unique(places)
    ]
    return sum(gaps) / len(probabilities)


def test_reliability_by_hand():
    """Three bins: 0.1, 0.2 -> 1 of 2; 0.4, 0.5, 0.6 -> 0 of 3; 0.9 -> 1 of 1."""
    histogram = counted([0.1, 0.2, 0.4, 0.5, 0.6, 0.9], [0, 1, 0, 0, 0, 1])
    found = reliability(histogram, bins=3)
    assert found.pixels.tolist() == [2, 3, 1]
    assert found.pixels.dtype == np.int64
    assert found.outlier_share.tolist() == [0.5, 0, 1]
    assert found.confidence == pytest.approx([0.15, 0.5, 0.9], abs=1e-4)
    expected = 2 / 6 * abs(0.5 - 0.15) + 3 / 6 * abs(0 - 0.5) + 1 / 6 * abs(1 - 0.9)
    assert found.expected_calibration_error() == pytest.approx(expected, abs=1e-4)


def test_errors_within_a_bin_cancel():
    """The share in a bin is compared, not every pixel: half of those at 0.5 are outliers."""
    assert error([0.5] * 4, [0, 1, 0, 1]) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("truth", "expected"), [([0, 1], 0.0), ([1, 0], 1.0)])
def test_certain_pixels(truth, expected):
    assert error([0.0, 1.0], truth) == pytest.approx(expected, abs=1e-8)


def test_a_probability_that_tells_the_truth_has_nearly_no_error():
    rng = np.random.default_rng(0)
    probabilities = rng.random(200_000)
    outlier = rng.random(200_000) < probabilities
    assert error(probabilities, outlier) < 0.004
    assert error(probabilities**2, outlier) > 0.15


@pytest.mark.parametrize("mean", [-4, 0, 3])
def test_counts_give_the_error_of_the_pixels(mean):
    rng = np.random.default_rng(1)
    probabilities = 1 / (1 + np.exp(-rng.normal(mean, 3, 100_000)))
    outlier = (rng.random(100_000) < 0.2).astype(np.uint8)
    assert error(probabilities, outlier) == pytest.approx(
        by_definition(probabilities, outlier), abs=1e-4
    )


def test_a_temperature_divides_the_log_odds():
    """At temperature 2 the probability 0.9 (odds 9) is 0.75 (odds 3)."""
    found = reliability(counted([0.9, 0.1], [1, 0]), temperature=2.0, bins=5)
    assert found.pixels.tolist() == [0, 1, 0, 1, 0]
    assert found.confidence[[1, 3]] == pytest.approx([0.25, 0.75], abs=1e-4)


def test_one_belongs_to_the_last_bin_and_zero_to_the_first():
    found = reliability(counted([0.0, 1.0, 1.0], [0, 1, 0]), bins=4)
    assert found.pixels.tolist() == [1, 0, 0, 2]
    assert np.isnan(found.confidence[1:3]).all()
    assert np.isnan(found.outlier_share[1:3]).all()


def test_ignored_pixels_do_not_count():
    assert reliability(counted([0.1, 0.7, 0.3], [0, 255, 1])).pixels.sum() == 2
    assert error([0.1, 0.7, 0.3], [0, 255, 1]) == error([0.1, 0.3], [0, 1])


def test_without_pixels_nothing_is_defined():
    assert math.isnan(reliability(RankingHistogram()).expected_calibration_error())
    assert math.isnan(error([0.2], [255]))


def test_merged_parts_give_exactly_the_whole_in_any_order():
    rng = np.random.default_rng(1)
    probabilities, outlier = rng.random(1000), rng.integers(0, 2, 1000)
    whole = reliability(counted(probabilities, outlier))
    parts = [counted(probabilities[n::3], outlier[n::3]) for n in range(3)]
    for order in ([0, 1, 2], [2, 0, 1]):
        merged = RankingHistogram()
        for number in order:
            merged.merge(parts[number])
        found = reliability(merged)
        assert isinstance(found, Reliability)
        assert found.pixels.tolist() == whole.pixels.tolist()
        assert found.confidence.tolist() == whole.confidence.tolist()
        assert found.expected_calibration_error() == whole.expected_calibration_error()
