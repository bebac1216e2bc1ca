from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.region_tracker import (
    RegionTracker,
    intersection_over_union,
    match,
)
from ldn_openset_ros.ros.regions import Region, find_regions

SIZE = (120, 160)
FRAME = 10**8


def region(left, top=10, height=20, width=20):
    return Region(top, left, height, width, height * width, 0.8, 0.9, (top, left))


def ids(tracked):
    return [t.id for t in tracked]


class Camera:
    """Shows regions to a tracker at 10 Hz."""

    def __init__(self, tracker):
        self.tracker = tracker
        self.now = 10**10

    def show(self, *regions):
        self.now += FRAME
        return self.tracker.update(regions, self.now, SIZE)


def test_a_region_is_reported_once_min_hits_frames_in_a_row_show_it():
    camera = Camera(RegionTracker(min_hits=3, max_misses=2))
    assert camera.show(region(0)) == camera.show(region(2)) == []
    (tracked,) = camera.show(region(4))
    assert (tracked.id, tracked.hits, tracked.misses) == (1, 3, 0)
    assert tracked.region == region(4)
    assert tracked.age == pytest.approx(0.2)


def test_a_miss_before_the_first_report_starts_the_count_again():
    camera = Camera(RegionTracker(min_hits=3, max_misses=5))
    shown = [camera.show(*seen) for seen in ([region(0)], [region(0)], [], [region(0)])]
    assert [*shown, camera.show(region(0))] == [[]] * 5
    assert ids(camera.show(region(0))) == [1]


def test_a_reported_region_outlives_max_misses_frames_and_says_so():
    camera = Camera(RegionTracker(min_hits=1, max_misses=2))
    assert ids(camera.show(region(0))) == [1]
    missed = [camera.show() for _ in range(2)]
    assert [(t.id, t.misses, t.hits, t.region) for (t,) in missed] == [
        (1, 1, 1, region(0)),
        (1, 2, 1, region(0)),
    ]
    (back,) = camera.show(region(3))
    assert (back.id, back.misses, back.hits) == (1, 0, 2)
    assert [len(camera.show()) for _ in range(3)] == [1, 1, 0]
    assert ids(camera.show(region(3))) == [2]


def test_two_regions_that_pass_each_other_closely_keep_their_ids():
    camera = Camera(RegionTracker(min_hits=1, min_overlap=0.2))
    for step in range(20):
        right, left = region(3 * step, top=10), region(100 - 3 * step, top=25)
        # The order of a frame's regions carries no meaning.
        tracked = camera.show(*((right, left) if step % 2 else (left, right)))
        by_id = {t.id: t.region for t in tracked}
        assert by_id == {1: left, 2: right}


def test_a_region_in_two_pieces_keeps_its_id_on_the_larger_overlap():
    camera = Camera(RegionTracker(min_hits=1, max_misses=0))
    camera.show(region(0, width=30))
    tracked = camera.show(region(22, width=8), region(0, width=20))
    assert {t.id: t.region.width for t in tracked} == {1: 20, 2: 8}


def test_little_overlap_is_another_region():
    camera = Camera(RegionTracker(min_hits=1, max_misses=0, min_overlap=0.5))
    camera.show(region(0))
    assert ids(camera.show(region(6))) == [1]  # 14 / 26
    assert ids(camera.show(region(13))) == [2]  # 13 / 27


@pytest.mark.parametrize(
    ("stamp_ns", "size"),
    [(4 * 10**9, SIZE), (8 * 10**9, SIZE), (5 * 10**9 + FRAME, (60, 80))],
    ids=["bag starts again", "gap", "size"],
)
def test_tracks_end_with_the_continuity_of_frames_and_ids_are_not_given_again(stamp_ns, size):
    tracker = RegionTracker(min_hits=2)
    tracker.update([region(0)], 5 * 10**9 - FRAME, SIZE)
    assert ids(tracker.update([region(0)], 5 * 10**9, SIZE)) == [1]
    assert tracker.update([region(0)], stamp_ns, size) == []
    (tracked,) = tracker.update([region(0)], stamp_ns + FRAME, size)
    assert (tracked.id, tracked.hits, tracked.age) == (2, 2, 0.1)


def test_frames_without_stamps_are_followed():
    tracker = RegionTracker(min_hits=2)
    tracker.update([region(0)], 0, SIZE)
    (tracked,) = tracker.update([region(1)], 0, SIZE)
    assert (tracked.id, tracked.age) == (1, 0.0)


def drive(frames=20, seed=0):
    """A blob that moves by 5 pixels a frame and frays, missing once, among noise."""
    random = np.random.default_rng(seed)
    tracker = RegionTracker(min_hits=3, max_misses=2)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    reports = []
    for number in range(frames):
        probability = random.random(SIZE, dtype=np.float32) * 0.4
        for top, left in random.integers(0, (SIZE[0] - 5, SIZE[1] - 5), (4, 2)):
            probability[top : top + 5, left : left + 5] = 0.9
        if number != 11:
            blob = (rows - 60) ** 2 + (columns - 25 - 5 * number) ** 2 < 14**2
            probability[blob & (random.random(SIZE) < 0.9)] = 0.8
        regions = find_regions(probability >= 0.5, probability, min_pixels=20)
        reports.append(tracker.update(regions, number * FRAME, SIZE))
    return reports


@pytest.mark.parametrize("seed", range(5))
def test_a_moving_blob_keeps_one_id_and_flickering_noise_is_never_reported(seed):
    reports = drive(seed=seed)
    assert [ids(tracked) for tracked in reports] == [[], []] + [[1]] * 18
    assert [t.misses for (t,) in reports[2:]] == [int(n == 11) for n in range(2, 20)]
    for number, (tracked,) in enumerate(reports[2:], 2):
        if number != 11:
            assert tracked.region.centroid[1] == pytest.approx(25 + 5 * number, abs=2)
    (last,) = reports[-1]
    assert (last.hits, last.age) == (19, 1.9)
    assert last.region.score == pytest.approx(0.8, abs=0.01)


def test_the_same_frames_give_the_same_tracks():
    assert drive(seed=1) == drive(seed=1)


def test_overlap_of_boxes():
    first = np.array([[0, 0, 10, 10], [5, 5, 15, 15]])
    second = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [20, 20, 30, 30]])
    np.testing.assert_allclose(
        intersection_over_union(first, second), [[1, 50 / 150, 0], [25 / 175, 50 / 150, 0]]
    )


def test_the_largest_overlap_is_paired_first_and_ties_go_to_the_first():
    old = np.array([[0, 0, 10, 10], [0, 4, 10, 14]])
    new = np.array([[0, 3, 10, 13], [0, 8, 10, 18]])
    assert match(old, new, 0.1) == {1: 0, 0: 1}
    assert match(old, new, 0.3) == {1: 0}
    twice = np.array([[0, 0, 10, 10]] * 2)
    assert match(twice, twice, 0.5) == {0: 0, 1: 1}
    assert match(old, np.empty((0, 4), np.int64), 0.1) == {}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"min_hits": 0}, "min_hits is 0: give 1"),
        ({"max_misses": -1}, "max_misses is -1: give 0"),
        ({"min_overlap": 0}, "min_overlap is 0: give a value above 0"),
        ({"min_overlap": 1.1}, "min_overlap is 1.1"),
        ({"min_overlap": float("nan")}, "min_overlap is nan"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(values, words):
    with pytest.raises(OpenSetError, match=words):
        RegionTracker(**values)
