"""Expected calibration error: known numbers, edges, parts and wholes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.calibration import NUM_BINS, Reliability


def counted(probabilities, outlier, bins: int = NUM_BINS) -> Reliability:
    reliability = Reliability(bins)
    reliability.add(np.asarray(probabilities, np.float32), np.asarray(outlier, np.uint8))
    return reliability


def test_error_by_hand():
    """Three bins: 0.1, 0.2 -> 1 of 2; 0.4, 0.5, 0.6 -> 0 of 3; 0.9 -> 1 of 1."""
    reliability = counted([0.1, 0.2, 0.4, 0.5, 0.6, 0.9], [0, 1, 0, 0, 0, 1], bins=3)
    assert reliability.pixels.tolist() == [2, 3, 1]
    assert reliability.positives.tolist() == [1, 0, 1]
    assert reliability.confidence == pytest.approx([0.3, 1.5, 0.9])
    expected = 2 / 6 * abs(0.5 - 0.15) + 3 / 6 * abs(0 - 0.5) + 1 / 6 * abs(1 - 0.9)
    assert reliability.expected_calibration_error() == pytest.approx(expected)


def test_errors_within_a_bin_cancel():
    """The share in a bin is compared, not every pixel: half of those at 0.5 are outliers."""
    assert counted([0.5] * 4, [0, 1, 0, 1]).expected_calibration_error() == 0


@pytest.mark.parametrize(("truth", "error"), [([0, 1], 0.0), ([1, 0], 1.0)])
def test_certain_pixels(truth, error):
    assert counted([0.0, 1.0], truth).expected_calibration_error() == error


def test_a_probability_that_tells_the_truth_has_nearly_no_error():
    rng = np.random.default_rng(0)
    probabilities = rng.random(200_000)
    outlier = rng.random(200_000) < probabilities
    assert counted(probabilities, outlier).expected_calibration_error() < 0.004
    assert counted(probabilities**2, outlier).expected_calibration_error() > 0.15


def test_borders_belong_to_the_bin_above_and_one_to_the_last():
    reliability = counted([0.0, 0.25, 0.5, 0.75, 1.0], [0] * 5, bins=4)
    assert reliability.pixels.tolist() == [1, 1, 1, 2]


def test_ignored_pixels_do_not_count():
    reliability = counted([[0.1, np.nan], [7.0, 0.3]], [[0, 255], [255, 1]])
    assert reliability.pixels.sum() == 2
    assert counted([0.1, 0.3], [0, 1]).expected_calibration_error() == pytest.approx(
        reliability.expected_calibration_error()
    )


def test_without_pixels_nothing_is_defined():
    assert math.isnan(Reliability().expected_calibration_error())
    assert math.isnan(counted([0.2], [255]).expected_calibration_error())


def test_pixels_counted_at_once_equal_pixels_one_by_one():
    at_once = Reliability()
    at_once.add_counts(np.array([0.2, 0.7]), np.array([3, 0]), np.array([1, 2]))
    one_by_one = Reliability()
    one_by_one.add(np.array([0.2] * 4 + [0.7] * 2), np.array([0, 0, 0, 1, 1, 1], np.uint8))
    assert at_once.confidence == pytest.approx(one_by_one.confidence)
    assert at_once.pixels.tolist() == one_by_one.pixels.tolist()
    assert at_once.positives.tolist() == one_by_one.positives.tolist()


def test_merged_parts_equal_the_whole():
    rng = np.random.default_rng(1)
    probabilities, outlier = rng.random(1000), rng.integers(0, 2, 1000)
    whole = counted(probabilities, outlier)
    parts = counted(probabilities[:300], outlier[:300])
    parts.merge(counted(probabilities[300:], outlier[300:]))
    assert parts.pixels.tolist() == whole.pixels.tolist()
    assert parts.expected_calibration_error() == pytest.approx(whole.expected_calibration_error())
    with pytest.raises(OpenSetError, match="of 15 and of 10 bins cannot be merged"):
        parts.merge(Reliability(10))


@pytest.mark.parametrize("probability", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(OpenSetError, match=r"outside \[0, 1\], or NaN"):
        counted([0.5, probability], [0, 1])


def test_unequal_shapes_and_strange_truth_are_refused():
    with pytest.raises(OpenSetError, match=r"\(2,\).*\(3,\)"):
        counted([0.5, 0.5], [0, 1, 1])
    with pytest.raises(OpenSetError, match="other values than 0"):
        counted([0.5], [2])
