"""Storms of parameters, and calibrations that are rubbish."""

from __future__ import annotations

import math
import shutil
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")
pytest.importorskip("visualization_msgs", reason="needs visualization_msgs")

from bag_of_frames import make_samples, write_bag
from bench import wait_for
from drill import HEIGHT, WIDTH, Drill, assert_maps, picture
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.logging import LoggingSeverity
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, PointCloud2
from visualization_msgs.msg import MarkerArray

from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.inference.model_files import (
    known_thresholds,
    read_description,
    with_calibration,
    write_description,
)
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
    give(calibration(), lambda: "OpenCV" in drill.values()["last_objects_error"])
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


MISSPELT = {
    "sample_camera": ("widht", "width", "frames:=1"),
    "player": ("rats", "rate", "bag:=drive"),
    "media_camera": ("sorce", "source", "source:=pictures"),
    "web_view": ("prot", "port", "port:=0"),
}


@pytest.mark.parametrize("module", MISSPELT)
def test_a_misspelt_parameter_of_any_node(start_module, module, tmp_path, monkeypatch):
    """One warning with the nearest name, and the node runs."""
    monkeypatch.chdir(tmp_path)
    write_bag(tmp_path / "drive", make_samples(2))
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "0.png"), picture(0))
    wrong, right, needed = MISSPELT[module]
    process = start_module(module, needed, f"{wrong}:=1")
    line = process.stderr.readline()
    while line.startswith("[INFO]"):
        line = process.stderr.readline()
    assert line.startswith("[WARN]")
    assert line.endswith(f": unknown parameters have no effect: {wrong} (do you mean {right}?)\n")


def test_unknown_parameters_in_a_file(bench, tiny_model, tmp_path):
    """Also from a section for all nodes; what rclpy itself knows is not warned of."""
    file = tmp_path / "parameters.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    treshold: 0.3\n    use_sim_time: false\n"
        "    qos_overrides./image.subscription.depth: 2\n    steering: {gain: 1.0}\n"
    )
    warnings = bench.logged(LoggingSeverity.WARN)
    node = bench.start("--ros-args", "--params-file", str(file), model=str(tiny_model))
    wait_for(lambda: warnings)
    assert warnings == [
        "unknown parameters have no effect: steering.gain, treshold (do you mean threshold?)"
    ]
    assert node.get_parameter("threshold").value == 0.5
    assert node.state == "active"


@pytest.fixture
def twice_decided(tiny_model, calibrated_model, tmp_path):
    """A model with a threshold of its own fusion and a calibration of another score."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    calibration = replace(read_description(calibrated_model).calibration, score="msm")
    write_description(folder, with_calibration(read_description(folder), calibration))
    return folder


def test_a_new_score_brings_its_own_threshold(bench, twice_decided):
    """Where the model has one: the parameter, the legend, the events and the console agree."""
    own = known_thresholds(read_description(twice_decided))
    decided, calibrated = "op_x_msm", "msm"
    assert set(own) == {decided, calibrated}
    assert own[decided] != own[calibrated]
    node = bench.start(model=str(twice_decided))
    lines = bench.logged(LoggingSeverity.INFO)
    events = bench.subscribe(ParameterEvent, "/parameter_events")
    legend = bench.legend()

    def threshold() -> float:
        return node.get_parameter("threshold").value

    assert bench.set_parameters(fusion=calibrated) == ""
    assert threshold() == own[calibrated]
    wait_for(lambda: legend()["threshold"] == own[calibrated])
    wait_for(lambda: f"fusion {calibrated}, threshold {own[calibrated]}" in lines)
    wait_for(lambda: [e for e in events if e.node == "/openset"])
    changed = {p.name: p.value for e in events for p in e.changed_parameters}
    assert changed["threshold"].double_value == own[calibrated]

    assert bench.set_parameters(fusion=decided) == ""
    assert threshold() == own[decided]
    assert bench.set_parameters(fusion=calibrated, threshold=0.25) == ""
    assert threshold() == 0.25
    # What is set one by one in a request, in any order, is of one request.
    client = bench.client(SetParameters, "/openset/set_parameters")
    given = [Parameter("threshold", value=0.3), Parameter("fusion", value=decided)]
    request = SetParameters.Request(parameters=[p.to_parameter_msg() for p in given])
    future = client.call_async(request)
    wait_for(future.done)
    assert all(result.successful for result in future.result().results)
    assert (node.get_parameter("fusion").value, threshold()) == (decided, 0.3)
    assert bench.set_parameters(fusion=calibrated) == ""
    assert threshold() == own[calibrated]


def test_a_new_score_without_a_threshold_is_warned_of(bench, twice_decided):
    """Live and at the start; the threshold stays, and one that is given is nobody's business."""
    warnings = bench.logged(LoggingSeverity.WARN)
    node = bench.start(model=str(twice_decided))
    threshold = node.get_parameter("threshold").value
    assert bench.set_parameters(fusion="entropy") == ""
    warning = (
        f"threshold {threshold} was not chosen for entropy, and model {twice_decided} has "
        "none for it: run `ldn-openset calibrate MODEL --score entropy ...` or set the threshold"
    )
    wait_for(lambda: warnings)
    assert warnings == [warning]
    assert node.get_parameter("threshold").value == threshold
    assert bench.set_parameters(fusion="energy", threshold=0.4) == ""
    bench.close_node(node)
    warnings.clear()

    node = bench.start(model=str(twice_decided), fusion="entropy", threshold=0.4)
    bench.close_node(node)
    node = bench.start(model=str(twice_decided), fusion="msm")
    own = known_thresholds(read_description(twice_decided))
    assert node.get_parameter("threshold").value == own["msm"]
    bench.close_node(node)
    bench.start(model=str(twice_decided), fusion="entropy")
    wait_for(lambda: warnings)
    assert warnings == [warning]


def test_a_resolution_at_which_the_domain_is_not_watched(bench, tiny_model, tmp_path):
    """One warning at configure, and diagnostics say so."""
    domain = Domain(
        {"outlier_share": (0.0, 1.0)},
        fusion="op_x_msm",
        threshold=0.5,
        data="some",
        resolution=64,
        frames=10,
    )
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    write_description(folder, replace(read_description(folder), domain=domain))
    warnings = bench.logged(LoggingSeverity.WARN)
    node = bench.start(model=str(folder), resolution=48)
    newest = bench.diagnostics()
    wait_for(lambda: warnings)
    assert warnings == [
        "resolution 48: frames unlike the model's are not told, for its domain was measured at "
        "64: take that, or run `ldn-openset domain MODEL --resolution 48 ...`"
    ]
    assert newest()["domain"] == "not watched: measured at resolution 64"
    bench.close_node(node)
    warnings.clear()
    node = bench.start(model=str(folder), resolution=64)
    wait_for(lambda: newest().get("domain") == "watched")
    assert warnings == []


def test_numbers_are_taken_as_yaml_gives_them(bench, tiny_model, tmp_path, monkeypatch):
    """A whole number for a double or a text, and 480.0 for a whole number."""
    (tmp_path / "123").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path)
    node = bench.start(model=123, smoothing=1, resolution=48.0, threshold=1)
    values = {n: node.get_parameter(n).value for n in ("model", "smoothing", "resolution")}
    assert values == {"model": "123", "smoothing": 1.0, "resolution": 48}
    assert [type(value) for value in values.values()] == [str, float, int]
    assert node.get_parameter("threshold").value == 1
    # As the declared type it is set from now on.
    assert bench.set_parameters(smoothing=2.0) == ""
    assert node.describe_parameter("smoothing").floating_point_range[0].to_value == 20.0
