"""The cloud byte by byte, and against sensor_msgs_py where that is installed."""

from __future__ import annotations

import struct

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg")

from sensor_msgs.msg import PointField
from std_msgs.msg import Header

from ldn_openset_ros.ros.point_cloud import POINT, point_cloud


@pytest.fixture
def header():
    header = Header(frame_id="camera_optical_frame")
    header.stamp.sec, header.stamp.nanosec = 12, 34
    return header


def some_points(count):
    rng = np.random.default_rng(5)
    points = rng.normal(0, 10, (count, 3)).astype(np.float32)
    regions = rng.integers(0, 2**32, count, dtype=np.uint32)
    return points, rng.random(count, np.float32), regions


def test_points_are_packed_one_after_another(header):
    points = np.float32([[1, 2, 3], [-4, 5.5, 6]])
    cloud = point_cloud(points, np.float32([0.5, 1]), np.uint32([7, 4294967295]), header)
    assert cloud.data.tobytes() == struct.pack(
        "<ffffIffffI", 1, 2, 3, 0.5, 7, -4, 5.5, 6, 1, 4294967295
    )
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 2, 20, 40)
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields] == [
        ("x", 0, PointField.FLOAT32, 1),
        ("y", 4, PointField.FLOAT32, 1),
        ("z", 8, PointField.FLOAT32, 1),
        ("probability", 12, PointField.FLOAT32, 1),
        ("region", 16, PointField.UINT32, 1),
    ]
    assert cloud.header is header
    assert cloud.is_bigendian is False


def test_a_cloud_of_no_points(header):
    cloud = point_cloud(*some_points(0), header)
    assert (cloud.height, cloud.width, cloud.row_step, len(cloud.data)) == (1, 0, 0, 0)


@pytest.mark.parametrize("count", [1, 500])
def test_equal_to_sensor_msgs_py(header, count):
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2")
    points, probability, regions = some_points(count)
    ours = point_cloud(points, probability, regions, header)
    packed = np.empty(count, POINT)
    for axis, name in enumerate("xyz"):
        packed[name] = points[:, axis]
    packed["probability"], packed["region"] = probability, regions
    theirs = point_cloud2.create_cloud(header, list(ours.fields), packed)
    assert ours == theirs
    assert ours.data.tobytes() == theirs.data.tobytes()
    read = point_cloud2.read_points(ours)
    np.testing.assert_array_equal(read["z"], points[:, 2])
    np.testing.assert_array_equal(read["region"], regions)
