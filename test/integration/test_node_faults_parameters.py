"""Storms of parameters, and calibrations that are rubbish."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")
pytest.importorskip("visualization_msgs", reason="needs visualization_msgs")

from bench import wait_for
from drill import HEIGHT, WIDTH, Drill, assert_maps, picture
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, PointCloud2
from visualization_msgs.msg import MarkerArray

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.ros.images import decode_image
from ldn_openset_ros.ros.point_cloud import POINT

STORM = 1000
IN_FLIGHT = 5
"""Requests at once; the service keeps ten."""

INVALID = [
    ({"threshold": 1.5}, "threshold is out of range"),
    ({"threshold": math.nan}, "threshold is out of range"),
    ({"threshold": -math.inf}, "threshold is out of range"),
    ({"threshold": "high"}, "threshold is 'high'"),
    ({"threshold": "x" * 100_000}, "give a value from 0 to 1 or calibrated"),
    ({"threshold": [0.1, 0.2]}, "give a value from 0 to 1 or calibrated"),
    ({"threshold": None}, "threshold is None"),
    ({"threshold": True}, "threshold is True"),
    ({"threshold": "calibrated"}, "has no calibration"),
    ({"fusion": "magic"}, "give one of"),
    ({"fusion": ""}, "give one of"),
    ({"fusion": 3}, ""),
    ({"fusion": None}, ""),
    ({"smoothing": math.nan}, ""),
    ({"smoothing": 1e300}, "smoothing"),
    ({"max_age": -1.0}, "max_age"),
    ({"overlay_opacity": "much"}, ""),
    ({"min_region_pixels": 2**63 - 1}, "min_region_pixels"),
    ({"obstacle_stride": 0}, "obstacle_stride"),
    ({"temporal_smoothing": 1.0}, "temporal_smoothing"),
    ({"model": "other"}, "is read when the node is configured"),
    ({"device": "cuda:9"}, "is read when the node is configured"),
    ({"cameras": ["a/b"]}, "cameras"),
    ({"cameras": [""] * 1000}, "cameras"),
    ({"no_such_parameter": 1}, ""),
    ({"overlay_opacity": 0.1, "threshold": 2.0}, "threshold is out of range"),
    ({"use_sim_time": "maybe"}, ""),
    ({"qos_overrides./image.subscription.depth": 7}, ""),
]


@contextmanager
def filming(drill: Drill) -> Iterator[None]:
    """Publish frames at 50 Hz meanwhile."""
    stop = threading.Event()

    def film() -> None:
        while not stop.wait(0.02):
            drill.camera.publish(drill.good(picture(1)))

    thread = threading.Thread(target=film)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def storm(client: Client) -> tuple[int, int]:
    """Set invalid and valid values in turn; return how many were refused and accepted."""
    waiting, refused, accepted = deque(), 0, 0
    for number in range(STORM):
        values, reason = INVALID[number // 2 % len(INVALID)]
        if number % 2:
            values, reason = {"threshold": number / STORM, "overlay_opacity": 0.5}, None
        parameters = [Parameter(n, value=v).to_parameter_msg() for n, v in values.items()]
        request = SetParametersAtomically.Request(parameters=parameters)
        waiting.append((values, reason, client.call_async(request)))
        while len(waiting) == IN_FLIGHT or (number == STORM - 1 and waiting):
            values, reason, future = waiting.popleft()
            wait_for(future.done, f"an answer to {values}")
            result = future.result().result
            assert result.successful == (reason is None), values
            assert (reason or "") in result.reason
            assert bool(result.reason) != result.successful
            refused += not result.successful
            accepted += result.successful
    return refused, accepted


def test_a_storm_of_parameters(bench, tiny_model):
    """1000 sets while frames flow: each is answered, invalid ones refused with a reason."""
    drill = Drill(bench, tiny_model)
    legend = bench.legend()
    client = bench.client(SetParametersAtomically, "/openset/set_parameters_atomically")
    with filming(drill):
        refused, accepted = storm(client)
    assert (refused, accepted) == (STORM / 2, STORM / 2)
    assert drill.node.get_parameter("threshold").value == (STORM - 1) / STORM
    assert drill.node.get_parameter("overlay_opacity").value == 0.5
    wait_for(drill.every_frame_has_an_outcome)
    assert drill.values()["last_error"] == ""
    wait_for(lambda: legend()["threshold"] == (STORM - 1) / STORM)

    # What came last acts, and the maps are of it alone.
    assert bench.set_parameters(threshold=0.45) == ""
    received = bench.subscribe_outputs("overlay", "labels", "outlier_probability")
    image = bench.image(picture(0))
    drill.camera.publish(image)
    for messages in received.values():
        wait_for(lambda m=messages: m and m[-1].header == image.header)
    overlay, labels, outlier = (messages[-1] for messages in received.values())
    predictor = drill.predictor
    expected = predictor.decide(predictor.infer(picture(0)), threshold=0.45)
    assert_maps(labels, outlier, expected)
    assert len(np.unique(expected.open_set)) > 1
    blended = blend_overlay(picture(0), expected.open_set, predictor.taxonomy, 0.5)
    np.testing.assert_array_equal(decode_image(overlay), blended)


def calibration(**fields) -> CameraInfo:
    """Return a good calibration, but for some fields."""
    info = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model="plumb_bob")
    info.k = [80.0, 0.0, 47.5, 0.0, 80.0, 31.5, 0.0, 0.0, 1.0]
    info.p = [80.0, 0.0, 47.5, 0.0, 0.0, 80.0, 31.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.d = [0.0] * 5
    for name, value in fields.items():
        setattr(info, name, value)
    return info


def matrix(fx: float, fy: float = 80.0, cx: float = 47.5) -> list[float]:
    return [fx, 0.0, cx, 0.0, fy, 31.5, 0.0, 0.0, 1.0]


RUBBISH = {
    "no calibration": (calibration(k=[0.0] * 9), "is uncalibrated"),
    "not a number": (calibration(k=matrix(math.nan)), "K is malformed"),
    "infinite": (calibration(k=matrix(80.0, math.inf)), "K is malformed"),
    "a mirror": (calibration(k=matrix(-80.0)), "no matrix of a pinhole camera"),
    "random numbers": (calibration(k=np.arange(9.0)), "is uncalibrated"),
    "another size": (calibration(width=640, height=480), "is of images of 640x480 pixels"),
    "no size": (calibration(width=0, height=0), "has a size of 0x0 pixels"),
    "an enormous size": (calibration(width=2**32 - 1, height=2**32 - 1), "is of images of"),
    "enormous binning": (calibration(binning_x=2**32 - 1), "leaves nothing"),
    "distortion of NaN": (calibration(d=[math.nan] * 5), "D is malformed"),
    "a million coefficients": (calibration(d=[1.0] * 1_000_000), "coefficients where"),
    "an unknown lens": (calibration(d=[0.1] * 5, distortion_model="x" * 10**5), "is unknown"),
    "a rotation that is none": (calibration(r=np.arange(9.0)), "R is no rotation"),
}


@pytest.fixture
def drill(bench, tiny_model):
    """The node with markers and obstacles after a single sighting."""
    return Drill(
        bench,
        tiny_model,
        threshold=0.3,
        min_hits=1,
        min_region_pixels=20,
        mount_height=1.5,
        mount_pitch=0.4,
    )


@pytest.fixture
def objects(bench, drill):
    """All markers and obstacles that are published."""
    return (
        bench.subscribe(MarkerArray, "/openset/markers"),
        bench.subscribe(PointCloud2, "/openset/obstacles"),
    )


@pytest.fixture
def give(bench, drill):
    """Return a function that publishes a calibration, and frames until one is seen with it."""
    publisher = bench.camera(CameraInfo, "/camera_info")

    def give_calibration(info, is_seen):
        def seen():
            info.header = bench.header()
            publisher.publish(info)
            drill.recover()
            return is_seen()

        wait_for(seen)

    return give_calibration


def test_calibrations_that_are_rubbish(bench, drill, objects, give):
    """They cost markers and obstacles, told and warned of, and nothing else."""
    newest = bench.diagnostics()
    errors = bench.errors()
    for info, reason in RUBBISH.values():
        give(info, lambda words=reason: words in drill.values()["last_objects_error"])
        assert objects == ([], [])
        assert drill.values()["frames_without_objects"] == drill.values()["frames_processed"]
    wait_for(lambda: "R is no rotation" in newest()["last_objects_error"])
    assert newest()["level"] == "1"
    assert newest()["message"] == (
        "no outlier objects: camera_info: R is no rotation: calibrate the camera anew"
    )
    wait_for(lambda: errors)
    assert errors[0].startswith("/image: outlier objects: ")

    give(calibration(), lambda: all(objects))
    markers, obstacles = objects
    assert markers[-1].markers[0].header == obstacles[-1].header
    assert obstacles[-1].header in drill.sent


def test_an_error_of_a_library_in_the_objects(bench, drill, objects, give, monkeypatch):
    """It is told as it is, speaks of memory only where that ran out, and maps go on."""
    newest = bench.diagnostics()
    errors = bench.errors()

    def refused(*_):
        cv2.warpAffine(np.zeros((4, 4), np.uint8), np.eye(3), (4, 4))  # 2 x 3 is due

    def enormous(*_):
        np.empty(2**50)

    monkeypatch.setattr("ldn_openset_ros.ros.objects.pixel_rays", refused)
    give(calibration(), lambda: "Error" in drill.values()["last_objects_error"])
    told = drill.values()["last_objects_error"]
    assert told.startswith("error: OpenCV(")
    assert "resolution" not in told
    assert drill.values()["frames_failed"] == "0"
    wait_for(lambda: newest()["message"] == f"no outlier objects: {told}")
    assert newest()["level"] == "1"
    wait_for(lambda: errors)
    assert errors[0] == f"/image: outlier objects: {told}"

    monkeypatch.setattr("ldn_openset_ros.ros.objects.pixel_rays", enormous)
    give(calibration(), lambda: "MemoryError" in drill.values()["last_objects_error"])
    assert drill.values()["last_objects_error"].endswith("; lower the parameter resolution")

    monkeypatch.undo()
    give(calibration(), lambda: all(objects))


EXTREME = {
    "no focal length": matrix(1e-300, 1e-300),
    "an endless focal length": matrix(1e300, 1e300),
    "a principal point at the horizon": matrix(80.0, 80.0, 1e300),
}


@pytest.mark.parametrize("fault", EXTREME)
def test_calibrations_of_absurd_numbers(bench, drill, objects, give, fault):
    """Finite and of the right form, so believed: but only finite points are published."""
    passed_on = bench.subscribe(CameraInfo, "/openset/camera_info")
    for k in (EXTREME[fault], calibration().k):
        give(calibration(k=k), lambda k=k: passed_on and list(passed_on[-1].k) == list(k))
    markers, obstacles = objects
    wait_for(lambda: markers and markers[-1].markers[0].header == drill.sent[-1])
    wait_for(lambda: obstacles and obstacles[-1].header == drill.sent[-1])
    for array in markers:
        for point in (p for m in array.markers for p in (*m.points, m.pose.position)):
            assert all(map(math.isfinite, (point.x, point.y, point.z)))
    for cloud in obstacles:
        points = np.frombuffer(bytes(cloud.data), POINT)
        assert all(np.isfinite(points[axis]).all() for axis in "xyz")


def test_a_calibration_of_another_size_is_not_passed_on_for_scaled_maps(bench, tiny_model):
    """Nobody could tell it from one that fits them."""
    bench.start(model=str(tiny_model), output_scale=0.5)
    labels = bench.subscribe_outputs("labels")["labels"]
    passed_on = bench.subscribe(CameraInfo, "/openset/camera_info")
    given, camera = bench.camera(CameraInfo, "/camera_info"), bench.camera()
    for info in (calibration(width=48, height=32), calibration(k=matrix(math.nan))):
        for _ in range(5):
            count = len(labels)
            given.publish(info)
            camera.publish(bench.image(picture(0)))
            wait_for(lambda before=count: len(labels) > before)
    assert passed_on == []

    def answered():
        given.publish(calibration())
        camera.publish(bench.image(picture(0)))
        return passed_on

    wait_for(answered)
    assert (passed_on[0].width, passed_on[0].height) == (48, 32)
    assert passed_on[0].k[0] == 40
