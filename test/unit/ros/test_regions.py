from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.regions import Region, find_regions


def frame(rows):
    """A mask drawn with # and a probability that differs in every pixel."""
    mask = np.array([[character == "#" for character in row] for row in rows])
    probability = np.arange(mask.size, dtype=np.float32).reshape(mask.shape) / mask.size
    return mask, probability


def test_box_size_score_peak_and_centroid_of_a_region():
    mask, probability = frame(
        [
            "........",
            "..##....",
            "..#.....",
            "..##....",
            "........",
        ]
    )
    (region,) = find_regions(mask, probability, min_pixels=1)
    places = [10, 11, 18, 26, 27]
    assert (region.top, region.left, region.height, region.width) == (1, 2, 3, 2)
    assert region.pixels == 5
    assert region.score == pytest.approx(sum(places) / 5 / 40)
    assert region.peak == pytest.approx(27 / 40)
    assert region.centroid == pytest.approx((2.0, 2.4))
    assert region.bottom_centre == (2.5, 3.5)


def test_pixels_that_touch_by_a_corner_are_one_region():
    mask, probability = frame(["#...", ".#..", "...#"])
    assert [r.pixels for r in find_regions(mask, probability, min_pixels=1)] == [2, 1]


def test_the_borders_of_the_frame_part_regions_and_cut_none_short():
    mask, probability = frame(["...##", "#....", "....#"])
    found = find_regions(mask, probability, min_pixels=1)
    assert [(r.top, r.left, r.height, r.width) for r in found] == [
        (0, 3, 1, 2),
        (1, 0, 1, 1),
        (2, 4, 1, 1),
    ]
    assert found[2].peak == found[2].score == pytest.approx(14 / 15)


def test_the_largest_come_first_and_the_small_ones_are_left_out():
    mask, probability = frame(["#..##..###..##", "...##.........", "............##"])
    found = find_regions(mask, probability, min_pixels=2)
    assert [r.pixels for r in found] == [4, 3, 2, 2]
    assert [r.top for r in found] == [0, 0, 0, 2]
    assert find_regions(mask, probability, min_pixels=3) == found[:2]
    assert find_regions(mask, probability, min_pixels=2, max_regions=3) == found[:3]
    assert find_regions(mask, probability, min_pixels=5) == ()


def test_a_frame_without_and_one_of_nothing_but_outliers():
    probability = np.full((6, 9), 0.25, np.float32)
    assert find_regions(np.zeros((6, 9), bool), probability, 1) == ()
    whole = Region(0, 0, 6, 9, 54, 0.25, 0.25, (2.5, 4.0))
    assert find_regions(np.ones((6, 9), bool), probability, 1) == (whole,)


def test_uint8_masks_of_any_value_and_views_are_taken():
    mask, probability = frame(["..##", "####"])
    expected = find_regions(mask, probability, 1)
    assert find_regions(mask.astype(np.uint8) * 200, probability, 1) == expected
    wide, wide_probability = np.zeros((2, 8), bool), np.ones((2, 8), np.float32)
    wide[:, ::2], wide_probability[:, ::2] = mask, probability
    assert find_regions(wide[:, ::2], wide_probability[:, ::2], 1) == expected


def test_every_region_equals_one_computed_pixel_by_pixel():
    random = np.random.default_rng(3)
    probability = random.random((120, 160), dtype=np.float32)
    mask = cv2.GaussianBlur(random.random((120, 160)), (0, 0), 2.5) > 0.52
    found = find_regions(mask, probability, min_pixels=1, max_regions=1000)
    count, numbers = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    assert len(found) == count - 1 > 20
    matched = set()
    for region in found:
        inside = [
            n
            for n in range(1, count)
            if np.argwhere(numbers == n).mean(axis=0) == pytest.approx(region.centroid)
        ]
        rows, columns = np.nonzero(numbers == inside[0])
        assert region.top == rows.min()
        assert region.left == columns.min()
        assert region.top + region.height - 1 == rows.max()
        assert region.left + region.width - 1 == columns.max()
        assert region.pixels == len(rows)
        assert region.score == pytest.approx(probability[rows, columns].mean(), abs=1e-6)
        assert region.peak == probability[rows, columns].max()
        matched.add(inside[0])
    assert len(matched) == len(found)


def test_hundreds_of_specks_in_a_large_frame_cost_no_more_than_a_few_passes_over_it():
    random = np.random.default_rng(5)
    mask = np.zeros((1080, 1920), np.uint8)
    for x, y in random.integers(0, (1920, 1080), (600, 2)).tolist():
        cv2.circle(mask, (x, y), 4, 1, -1)
    probability = random.random(mask.shape, dtype=np.float32)

    def fastest(function):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return min(times)

    # It takes about half as long as OpenCV's statistics; a loop over pixels a hundred times.
    ours = fastest(lambda: find_regions(mask, probability))
    assert ours < 2 * fastest(lambda: cv2.connectedComponentsWithStats(mask, connectivity=8))


@pytest.mark.parametrize("name", ["min_pixels", "max_regions"])
def test_a_limit_below_one_is_refused_by_name(name):
    mask, probability = frame(["#"])
    with pytest.raises(OpenSetError, match=f"{name} is 0: give 1 or more"):
        find_regions(mask, probability, **{name: 0})


def test_maps_that_do_not_fit_are_a_programming_error():
    with pytest.raises(ValueError, match="differ"):
        find_regions(np.zeros((2, 3), bool), np.zeros((3, 2), np.float32))
    with pytest.raises(ValueError, match="int64"):
        find_regions(np.zeros((2, 3), np.int64), np.zeros((2, 3), np.float32))
