"""Outlier objects of the node on real DDS: markers, obstacles, camera_info."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")
pytest.importorskip("visualization_msgs", reason="needs visualization_msgs")

from bench import wait_for
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.camera_info import camera_model
from ldn_openset_ros.ros.camera_mount import CameraMount
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.obstacles import LiftSettings, lift_by_ground
from ldn_openset_ros.ros.point_cloud import POINT
from ldn_openset_ros.ros.region_map import region_map
from ldn_openset_ros.ros.region_tracker import RegionTracker
from ldn_openset_ros.ros.regions import find_regions

HEIGHT, WIDTH = 64, 96
THRESHOLD = 0.3
MIN_PIXELS = 20
MOUNT = CameraMount(1.5, 0.4)


@pytest.fixture
def rgb():
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 256, (8, 12, 3)).astype(np.uint8)
    return cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def start(bench, tiny_model):
    """Return a function that starts the node with objects after a single sighting."""

    def start_node(**parameters):
        bench.start(
            model=str(tiny_model),
            threshold=THRESHOLD,
            min_hits=1,
            min_region_pixels=MIN_PIXELS,
            **parameters,
        )

    return start_node


@pytest.fixture
def expected(tiny_model, rgb):
    """Return outlier mask, probability and tracked regions of the picture."""
    prediction = Predictor.load(tiny_model, device="cpu", threshold=THRESHOLD)(rgb)
    outlying = prediction.open_set == 11
    regions = find_regions(outlying, prediction.outlier, MIN_PIXELS)
    tracked = RegionTracker(min_hits=1).update(regions, 1, outlying.shape)
    assert len(tracked) > 1, "the picture must have several outlier regions"
    return outlying, prediction.outlier, tracked


DISTORTED = (-0.3, 0.1, 0.001, -0.002, -0.01)


def camera_info(header, distortion=(0.0,) * 5) -> CameraInfo:
    info = CameraInfo(header=header, height=HEIGHT, width=WIDTH, distortion_model="plumb_bob")
    info.k = [80.0, 0.0, 47.5, 0.0, 80.0, 31.5, 0.0, 0.0, 1.0]
    info.p = [80.0, 0.0, 47.5, 0.0, 0.0, 80.0, 31.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.d = list(distortion)
    return info


def points_of(cloud: PointCloud2) -> np.ndarray:
    return np.frombuffer(bytes(cloud.data), POINT)


def send(bench, rgb, first=(), distortion=(0.0,) * 5):
    """Publish camera_info and other (publisher, message); return the image and its publisher."""
    image = bench.image(rgb)
    info = bench.camera(CameraInfo, "/camera_info")
    camera = bench.camera()
    for publisher, message in first:
        message.header = image.header
        publisher.publish(message)
    info.publish(camera_info(image.header, distortion))
    return image, camera


def answer(camera, image, messages):
    """Publish an image again and again: camera_info comes on a topic of its own."""

    def answered():
        camera.publish(image)
        return messages

    wait_for(answered)
    return messages[0]


def test_markers_outline_every_region(bench, start, rgb, expected):
    start()
    markers = bench.subscribe(MarkerArray, "/openset/markers")
    image, camera = send(bench, rgb)
    array = answer(camera, image, markers)
    outlines = [marker for marker in array.markers if marker.ns == "outlier"]
    _, _, tracked = expected
    assert [marker.id for marker in outlines] == [seen.id for seen in tracked]
    for marker, seen in zip(outlines, tracked, strict=True):
        assert marker.header == image.header
        assert (marker.type, marker.action) == (Marker.LINE_STRIP, Marker.ADD)
        # Nothing tells the distance, so 10 m: the outline is the region's box seen from there.
        xs = sorted({round(point.x / point.z * 80 + 47.5, 3) for point in marker.points})
        assert {round(point.z, 6) for point in marker.points} == {10.0}
        assert xs == [seen.region.left - 0.5, seen.region.left + seen.region.width - 0.5]


@pytest.mark.parametrize("distortion", [(0.0,) * 5, DISTORTED], ids=["ideal", "distorted"])
def test_obstacles_stand_on_the_ground(bench, start, rgb, expected, distortion):
    start(mount_height=MOUNT.height, mount_pitch=MOUNT.pitch, obstacle_stride=2)
    clouds = bench.subscribe(PointCloud2, "/openset/obstacles")
    image, camera = send(bench, rgb, distortion=distortion)
    cloud = answer(camera, image, clouds)
    outlying, probability, tracked = expected
    info = camera_info(image.header, distortion)
    model = camera_model(info, WIDTH, HEIGHT, rectified=False)
    ids = region_map(outlying, tracked)
    found = lift_by_ground(ids, probability, model, MOUNT, LiftSettings(2))
    points = points_of(cloud)
    assert cloud.header == image.header
    assert len(points) == len(found.points) > 0
    for axis, name in enumerate("xyz"):
        np.testing.assert_array_equal(points[name], found.points[:, axis])
    np.testing.assert_array_equal(points["probability"], found.probability)
    np.testing.assert_array_equal(points["region"], found.regions)


def test_obstacles_in_the_vehicle_s_frame(bench, start, rgb):
    start(mount_height=1.5, mount_pitch=0.4, obstacle_frame="base_link")
    clouds = bench.subscribe(PointCloud2, "/openset/obstacles")
    image, camera = send(bench, rgb)
    cloud = answer(camera, image, clouds)
    points = points_of(cloud)
    assert cloud.header.frame_id == "base_link"
    assert cloud.header.stamp == image.header.stamp
    # Obstacles stand on the ground ahead: their feet are at height 0.
    assert (points["x"] > 0).all()
    assert points["z"].min() == pytest.approx(0, abs=1e-4)


def test_obstacles_by_a_registered_depth_image(bench, start, rgb):
    start(obstacle_source="depth")
    clouds = bench.subscribe(PointCloud2, "/openset/obstacles")
    depth = image_message(Image, np.full((HEIGHT, WIDTH), 5000, np.uint16), "16UC1", None)
    publisher = bench.camera(Image, "/depth")
    image, camera = send(bench, rgb, [(publisher, depth)])
    points = points_of(answer(camera, image, clouds))
    assert len(points) > 0
    np.testing.assert_allclose(points["z"], 5.0)


def test_without_camera_info_it_says_so_once_and_all_else_goes_on(bench, start, rgb):
    errors = bench.errors()
    start()
    bench.subscribe(MarkerArray, "/openset/markers")
    labels = bench.subscribe_outputs("labels")["labels"]
    camera = bench.camera()
    for _ in range(3):
        count = len(labels)
        camera.publish(bench.image(rgb))
        wait_for(lambda before=count: len(labels) > before)
    wait_for(lambda: errors)
    assert len(errors) == 1
    assert "need camera_info, and none came" in errors[0]


def test_camera_info_is_passed_on_with_the_frame_s_header(bench, start, rgb):
    start()
    passed = bench.subscribe(CameraInfo, "/openset/camera_info")
    bench.subscribe_outputs("labels")
    image, camera = send(bench, rgb)
    info = answer(camera, image, passed)
    assert info.header == image.header
    assert info.k.tolist() == camera_info(image.header).k.tolist()


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_camera_info_alone_is_passed_on_without_the_network(bench, tiny_model, rgb, scale):
    node = bench.start(model=str(tiny_model), output_scale=scale)
    passed = bench.subscribe(CameraInfo, "/openset/camera_info")
    image, camera = send(bench, rgb)
    info = answer(camera, image, passed)
    assert info.header == image.header
    assert (info.width, info.height) == (WIDTH * scale, HEIGHT * scale)
    assert info.k[0] == camera_info(image.header).k[0] * scale
    values = node.cameras[0].report().values
    assert values["frames_processed"] == "0"
    assert int(values["frames_idle"]) >= len(passed)


def test_settings_that_do_not_go_together_are_refused(start):
    with pytest.raises(OpenSetError, match="obstacle_frame needs mount_height"):
        start(obstacle_frame="base_link")
    with pytest.raises(OpenSetError, match="obstacle_frame needs a single camera"):
        start(obstacle_frame="base_link", mount_height=1.5, cameras=["front", "rear"])


def test_obstacles_that_cannot_be_had_cost_no_markers(bench, start, rgb):
    start()  # without mount_height
    markers = bench.subscribe(MarkerArray, "/openset/markers")
    bench.subscribe(PointCloud2, "/openset/obstacles")
    errors = bench.errors()
    image, camera = send(bench, rgb)
    array = answer(camera, image, markers)
    assert array.markers[0].header == image.header
    wait_for(lambda: errors)
    assert "obstacles from the ground need the parameter mount_height" in errors[0]
