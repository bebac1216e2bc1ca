"""Obstacles of known place are drawn by the pinhole model and found again."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_info import CameraModel
from ldn_openset_ros.ros.camera_mount import CameraMount
from ldn_openset_ros.ros.obstacles import (
    LiftSettings,
    lift_by_depth,
    lift_by_ground,
    sample_regions,
)
from ldn_openset_ros.ros.rays import pixel_rays

CAMERA = CameraModel(640, 480, 500.0, 500.0, 319.5, 239.5)
EVERY_PIXEL = LiftSettings(stride=1)


def empty_map():
    return np.zeros((CAMERA.height, CAMERA.width), np.int32)


def certain(regions):
    return np.ones(regions.shape, np.float32)


def pixel_of(base, mount, camera=CAMERA):
    """Project points of `base_link` (N, 3) and return columns and rows."""
    optical = (np.float64(base) - (mount.x, mount.y, mount.height)) @ mount.rotation
    pixels = optical[:, :2] / optical[:, 2:] * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    return pixels.T


def camera_that_sees(base, mount, column, row):
    """Move the principal point so that a point of `base_link` falls on the centre of a pixel."""
    u, v = pixel_of([base], mount)[:, 0]
    return CameraModel(640, 480, 500.0, 500.0, CAMERA.cx + column - u, CAMERA.cy + row - v)


MOUNTS = [
    CameraMount(1.5),
    CameraMount(1.2, pitch=0.15),
    CameraMount(1.2, pitch=-0.1),
    CameraMount(2.0, pitch=0.1, roll=0.05, yaw=-0.3, x=1.4, y=0.2),
]


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize(("ahead", "left"), [(6.0, 0.0), (12.0, 1.5), (40.0, -3.0)])
def test_a_point_on_the_ground_is_found_again(mount, ahead, left):
    turn, origin = mount.yaw, np.array([mount.x, mount.y])
    forward, side = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    base = (*(origin + ahead * forward + left * side), 0.0)
    camera = camera_that_sees(base, mount, column=300, row=350)
    regions = empty_map()
    regions[350, 300] = 7
    found = lift_by_ground(regions, certain(regions), camera, mount)
    np.testing.assert_allclose(
        mount.to_base_link(found.points), [base], rtol=1e-4, atol=1e-4 * ahead
    )
    assert found.regions.tolist() == [7]


def test_the_distance_by_hand():
    regions = empty_map()
    regions[289, 319] = 1  # 49.5 pixels below the horizon: 1.5 * 500 / 49.5 m ahead
    found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5))
    z = 750 / 49.5
    assert found.points.dtype == np.float32
    np.testing.assert_allclose(found.points, [[-0.5 / 500 * z, 1.5, z]], rtol=1e-6)


def test_looking_further_down_sees_the_same_pixel_nearer():
    regions = empty_map()
    regions[300, 320] = 1
    distances = [
        lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5, pitch)).points[0, 2]
        for pitch in (-0.05, 0.0, 0.05)
    ]
    assert distances == sorted(distances, reverse=True)
    # atan(60.5 / 500) + 0.05 below the horizon, and back from the ground to the optical axis.
    angle = math.atan(60.5 / 500)
    assert distances[2] == pytest.approx(1.5 / math.sin(angle + 0.05) * math.cos(angle), rel=1e-6)


LEANING = CameraModel(640, 480, 500.0, 500.0, 319.5, 239.5, "plumb_bob", (-0.3, 0.1, 0, 0, 0))


@pytest.mark.parametrize("camera", [CAMERA, LEANING], ids=["ideal", "distorted"])
@pytest.mark.parametrize("roll", [0.0, 0.1])
@pytest.mark.parametrize("pitch", [0.0, 0.2])
def test_an_upright_obstacle_stands_on_its_lowest_pixels(camera, pitch, roll):
    # A board 8 m ahead and to the right, 1 m wide and 2 m high: taller than the camera, so that
    # pitch, roll and distortion slant its sides in the image.
    mount = CameraMount(1.5, pitch, roll)
    rows, columns = np.indices((480, 640)).reshape(2, -1)
    rays = pixel_rays(camera, columns, rows) @ mount.rotation.T
    across, up = (rays[:, 1:] / rays[:, :1] * 8 + (0, 1.5)).T
    inside = (rays[:, 0] > 0) & (across > -3) & (across < -2) & (up > 0) & (up < 2)
    regions = (3 * inside).reshape(480, 640)
    found = lift_by_ground(regions, certain(regions), camera, mount, EVERY_PIXEL)
    base = mount.to_base_link(found.points)
    assert len(base) == np.count_nonzero(regions)
    np.testing.assert_allclose(base.min(axis=0), [8, -3, 0], atol=0.15)
    np.testing.assert_allclose(base.max(axis=0), [8, -2, 2], atol=0.15)


def test_a_mark_on_the_road_lies_flat_where_nothing_stands():
    mount = CameraMount(1.5, pitch=0.1)
    regions = empty_map()
    regions[300:340, 310:330] = 1
    settings = LiftSettings(stride=1, upright=False)
    found = lift_by_ground(regions, certain(regions), CAMERA, mount, settings)
    base = mount.to_base_link(found.points)
    assert len(base) == 40 * 20
    np.testing.assert_allclose(base[:, 2], 0, atol=1e-5)
    assert np.ptp(base[:, 0]) > 1


def test_each_strip_of_a_region_has_a_foot_of_its_own():
    regions = empty_map()
    regions[280:300, 100:103] = 1
    regions[280:320, 103:106] = 1  # nearer
    found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5), EVERY_PIXEL)
    top = found.points[:6, 2]
    near, far = 750 / (319 - 239.5), 750 / (299 - 239.5)
    # A strip beside a nearer one is taken for as near.
    np.testing.assert_allclose(top, [far, far, near, near, near, near], rtol=1e-6)


@pytest.mark.parametrize("stride", [2, 4, 7])
def test_the_stride_thins_points_out_but_moves_none(stride):
    regions = empty_map()
    regions[300:380, 400:480] = 1
    settings = LiftSettings(stride=stride)
    found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5), settings)
    z = 750 / (379 - 239.5)
    rows, columns = np.arange(379, 299, -stride)[::-1], np.arange(400, 480, stride)
    v, u = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    expected = np.column_stack(((u - 319.5) * z / 500, (v - 239.5) * z / 500, np.full(u.size, z)))
    np.testing.assert_allclose(found.points, expected, rtol=1e-5)


def test_regions_above_one_another_stand_on_their_own_feet():
    regions = empty_map()
    regions[260:270, 200] = 4
    regions[300:310, 200] = 9
    found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5), EVERY_PIXEL)
    for number, row in ((4, 269), (9, 309)):
        depth = found.points[found.regions == number, 2]
        np.testing.assert_allclose(depth, np.full(10, 750 / (row - 239.5)), rtol=1e-6)


def test_what_hangs_above_the_horizon_is_left_out_and_counted():
    regions = empty_map()
    regions[100:120, 50:54] = 1  # in the sky
    regions[200:300, 400:402] = 2  # across the horizon, with its foot on the ground
    found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5), EVERY_PIXEL)
    assert found.left_out == {"no_ray": 0, "horizon": 80, "out_of_range": 0}
    assert found.regions.tolist() == [2] * 200
    assert found.points[:, 1].min() < 0  # above the camera


def test_the_range_is_limited():
    regions = empty_map()
    regions[254, 320] = 1  # 14.5 pixels below the horizon: 51.7 m
    regions[255, 330] = 2  # 48.4 m
    regions[479, 340] = 3  # 3.1 m
    settings = LiftSettings(min_range=4.0)
    found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5), settings)
    assert found.regions.tolist() == [2]
    assert found.left_out["out_of_range"] == 2


def test_pixels_without_a_ray_are_left_out_and_counted():
    camera = CameraModel(640, 480, 200.0, 200.0, 319.5, 239.5, "plumb_bob", (-1 / 3, 0, 0, 0, 0))
    regions = empty_map()
    regions[300, 319] = regions[470, 630] = 1
    found = lift_by_ground(regions, certain(regions), camera, CameraMount(1.5), EVERY_PIXEL)
    assert len(found.points) == 1
    assert found.left_out["no_ray"] == 1


def test_distortion_is_undone():
    distortion = (-0.3, 0.1, 0.001, -0.002, 0.0)
    camera = CameraModel(640, 480, 500.0, 500.0, 319.5, 239.5, "plumb_bob", distortion)
    regions = empty_map()
    regions[400, 500] = 1
    depth = np.full(regions.shape, 7.0, np.float32)
    found = lift_by_depth(regions, certain(regions), depth, camera)
    pixel, _ = cv2.projectPoints(
        found.points.astype(float), np.zeros(3), np.zeros(3), camera.matrix, np.array(distortion)
    )
    np.testing.assert_allclose(pixel.ravel(), [500, 400], atol=1e-3)


def test_depth_lifts_each_pixel_by_itself():
    regions = empty_map()
    regions[100, 200] = 5
    regions[101, 200] = 6
    depth = np.full(regions.shape, np.nan, np.float32)
    depth[100, 200], depth[101, 200] = 4.0, 8.0
    found = lift_by_depth(regions, certain(regions), depth, CAMERA)
    expected = [
        [(200 - 319.5) / 500 * z, (row - 239.5) / 500 * z, z] for row, z in ((100, 4), (101, 8))
    ]
    np.testing.assert_allclose(found.points, expected, rtol=1e-6)
    assert found.regions.tolist() == [5, 6]


def test_pixels_without_depth_are_left_out_and_counted():
    regions = empty_map()
    regions[50, 10:16] = 1
    depth = np.full(regions.shape, 3.0, np.float32)
    depth[50, 10:15] = (np.nan, np.inf, -np.inf, 0, -1)
    found = lift_by_depth(regions, certain(regions), depth, CAMERA, EVERY_PIXEL)
    assert found.left_out == {"no_ray": 0, "no_depth": 5, "out_of_range": 0}
    assert found.points[:, 2].tolist() == [3.0]


def test_depth_of_another_size_is_refused():
    regions = empty_map()
    with pytest.raises(OpenSetError, match="depth of 320x240 pixels for an image of 640x480"):
        lift_by_depth(regions, certain(regions), np.ones((240, 320), np.float32), CAMERA)


def test_maps_of_another_size_are_a_mistake_of_the_caller():
    regions = np.ones((10, 10), np.int32)
    with pytest.raises(ValueError, match="do not fit a camera of 640x480"):
        lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5))


def test_each_point_has_the_probability_of_its_pixel():
    regions = empty_map()
    regions[300:310, 100:110] = 1
    probability = np.random.default_rng(3).random(regions.shape, np.float32)
    found = lift_by_ground(regions, probability, CAMERA, CameraMount(1.5), EVERY_PIXEL)
    assert found.probability.dtype == np.float32
    assert found.regions.dtype == np.uint32
    np.testing.assert_array_equal(found.probability, probability[300:310, 100:110].ravel())


@pytest.mark.parametrize("lift", ["ground", "depth"])
def test_no_outliers_no_points(lift):
    regions = empty_map()
    if lift == "ground":
        found = lift_by_ground(regions, certain(regions), CAMERA, CameraMount(1.5))
    else:
        found = lift_by_depth(regions, certain(regions), certain(regions), CAMERA)
    assert found.points.shape == (0, 3)
    assert found.probability.shape == found.regions.shape == (0,)
    assert set(found.left_out.values()) == {0}
    assert CameraMount(1.5).to_base_link(found.points).shape == (0, 3)


@pytest.mark.parametrize("stride", [1, 3, 4, 100])
@pytest.mark.parametrize("place", [(0, 0), (479, 639), (333, 17)])
def test_a_region_of_one_pixel_is_never_skipped(place, stride):
    regions = empty_map()
    regions[place] = 1
    rows, columns = sample_regions(regions, stride)
    assert (rows.tolist(), columns.tolist()) == ([place[0]], [place[1]])


def test_the_stride_counts_from_a_region_s_left_end_and_from_its_feet():
    regions = np.zeros((12, 12), np.int32)
    regions[1:10, 2:9] = 1
    regions[10, 6] = 1
    places = np.column_stack(sample_regions(regions, 4)).tolist()
    assert places == [[1, 2], [2, 6], [5, 2], [6, 6], [9, 2], [10, 6]]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"stride": 0}, "stride is 0: give 1 or more"),
        ({"min_range": 60.0}, "range of 60 to 50 m is empty"),
        ({"max_range": math.inf}, "without end"),
        ({"max_range": math.nan}, "range of 0 to nan m"),
    ],
)
def test_settings_out_of_range_are_refused(values, text):
    with pytest.raises(OpenSetError, match=text):
        LiftSettings(**values)
