"""How far tracked regions are, from the points that a frame gives."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.ros.camera_info import CameraModel
from ldn_openset_ros.ros.obstacles import ObstaclePoints
from ldn_openset_ros.ros.region_tracker import TrackedRegion
from ldn_openset_ros.ros.regions import Region

objects = pytest.importorskip("ldn_openset_ros.ros.objects", reason="needs ROS 2 messages")


def tracked(*ids: int) -> list[TrackedRegion]:
    region = Region(4, 2, 3, 3, 9, 0.9, 0.9, (5.0, 3.0))
    return [TrackedRegion(number, region, 5, 0.4, 0) for number in ids]


def points(depths: dict[int, list[float]]) -> ObstaclePoints:
    rows = [(0, 0, z) for values in depths.values() for z in values]
    ids = [number for number, values in depths.items() for _ in values]
    return ObstaclePoints(
        np.float32(rows).reshape(-1, 3), np.ones(len(ids), np.float32), np.uint32(ids), {}
    )


def test_it_is_the_median_of_the_points():
    assert objects.region_distances(tracked(1), points({1: [9, 20, 40]}), {}) == {1: 20.0}


def test_without_points_in_this_frame_it_is_what_it_was():
    found = objects.region_distances(tracked(1, 2), points({2: [7.0]}), {1: 26.0, 2: 8.0, 3: 5.0})
    assert found == {1: 26.0, 2: 7.0}


def test_what_was_never_measured_has_none():
    assert objects.region_distances(tracked(1), points({}), {}) == {}


def test_where_nothing_measures_all_are_at_ten_metres():
    assert objects.region_distances(tracked(1, 2), None, {1: 3.0}) == {1: 10.0, 2: 10.0}


def test_what_has_no_distance_has_no_marker():
    camera = CameraModel(fx=10.0, fy=10.0, cx=3.0, cy=1.5, width=8, height=8)
    positions = objects.marker_positions(tracked(1, 2), {2: 5.0}, camera)
    assert positions == [None, pytest.approx((0.0, 2.5, 5.0))]
