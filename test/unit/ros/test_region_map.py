from __future__ import annotations

import numpy as np

from ldn_openset_ros.ros.region_map import region_map
from ldn_openset_ros.ros.region_tracker import RegionTracker
from ldn_openset_ros.ros.regions import find_regions


def test_pixels_carry_the_id_of_their_track_and_small_regions_none():
    outlying = np.zeros((20, 30), bool)
    outlying[2:6, 3:9] = True
    outlying[10:18, 12:20] = True
    outlying[0, 29] = True
    regions = find_regions(outlying, outlying.astype(np.float32), min_pixels=10)
    tracked = RegionTracker(min_hits=1).update(regions, 1, outlying.shape)
    ids = region_map(outlying, tracked)
    assert ids.dtype == np.int32
    by_size = {seen.region.pixels: seen.id for seen in tracked}
    assert set(by_size) == {24, 64}
    assert (ids[2:6, 3:9] == by_size[24]).all()
    assert (ids[10:18, 12:20] == by_size[64]).all()
    assert np.count_nonzero(ids) == 24 + 64


def test_a_region_that_the_frame_misses_has_no_pixels():
    outlying = np.zeros((20, 30), bool)
    outlying[2:6, 3:9] = True
    tracker = RegionTracker(min_hits=1)
    regions = find_regions(outlying, outlying.astype(np.float32), 10)
    tracker.update(regions, 1, outlying.shape)
    nothing = np.zeros_like(outlying)
    tracked = tracker.update((), 100_000_000, outlying.shape)
    assert [seen.misses for seen in tracked] == [1]
    assert not region_map(nothing, tracked).any()
