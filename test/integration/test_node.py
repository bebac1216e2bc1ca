"""The node on real DDS: what it publishes, when, and what it does about bad input."""

from __future__ import annotations

import array
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import wait_for
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import DecisionSettings, read_description, write_model
from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.images import decode_float, decode_image, decode_map, image_message

OUTPUTS = ("labels", "outlier_probability", "open_set", "overlay")
HEIGHT, WIDTH = 64, 96


@pytest.fixture
def rgb():
    """A picture in which the small network sees several classes and a range of scores."""
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 256, (8, 12, 3)).astype(np.uint8)
    return cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def predictor(tiny_model):
    return Predictor.load(tiny_model, device="cpu")


class Watched:
    """A real predictor whose network waits at a gate and whose calls are kept."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self.failures: list[Exception] = []
        self.runs = 0
        self.outputs: list[set[str]] = []

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def infer_pixels(self, pixels, size):
        self.runs += 1
        self.waiting.set()
        assert self.gate.wait(60)
        if self.failures:
            raise self.failures.pop()
        return self._predictor.infer_pixels(pixels, size)

    def decide(self, logits, fusion=None, threshold=None, smoothing=0.0, outputs=()):
        self.outputs.append(set(outputs))
        return self._predictor.decide(logits, fusion, threshold, smoothing, outputs)


@pytest.fixture
def watched(predictor):
    return Watched(predictor)


def counts(node):
    """Return the frame counters of the node's only camera."""
    (camera,) = node.cameras
    values = camera.statistics.report().values
    return {k.removeprefix("frames_"): int(v) for k, v in values.items() if "frames_" in k}


def assert_header(message, header):
    assert message.header == header
    assert (message.height, message.width) == (HEIGHT, WIDTH)


def test_outputs_equal_the_predictor(bench, tiny_model, predictor, rgb):
    bench.start(model=str(tiny_model), threshold=0.3, overlay_opacity=0.7, smoothing=1.0)
    received = bench.subscribe_outputs(*OUTPUTS)
    header = bench.header()
    padded = np.pad(rgb[..., ::-1], ((0, 0), (0, 3), (0, 0)), constant_values=99)
    image = image_message(Image, padded, "bgr8", header)
    image.width = WIDTH  # the step still counts the three pixels of padding
    bench.camera().publish(image)
    for messages in received.values():
        wait_for(lambda m=messages: m)

    expected = predictor.decide(predictor.infer(rgb), threshold=0.3, smoothing=1.0)
    assert len(np.unique(expected.open_set)) > 1, "the picture must tell the maps apart"
    labels, outlier, open_set, overlay = (received[name][0] for name in OUTPUTS)
    for message in (labels, outlier, open_set, overlay):
        assert_header(message, header)
    assert [m.encoding for m in (labels, outlier, open_set, overlay)] == [
        "mono8",
        "32FC1",
        "mono8",
        "rgb8",
    ]
    assert [m.step for m in (labels, outlier, open_set, overlay)] == [96, 384, 96, 288]
    np.testing.assert_array_equal(decode_map(labels), expected.labels)
    np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
    np.testing.assert_array_equal(decode_map(open_set), expected.open_set)
    blended = blend_overlay(rgb, expected.open_set, predictor.taxonomy, 0.7)
    np.testing.assert_array_equal(decode_image(overlay), blended)


def test_network_resolution_leaves_the_outputs_at_the_input_size(bench, tiny_model, rgb):
    bench.start(model=str(tiny_model), resolution=32)
    labels = bench.subscribe_outputs("labels")["labels"]
    image = bench.image(rgb)
    bench.camera().publish(image)
    wait_for(lambda: labels)
    expected = Predictor.load(tiny_model, device="cpu", resolution=32)(rgb)
    assert_header(labels[0], image.header)
    np.testing.assert_array_equal(decode_map(labels[0]), expected.labels)


def test_compressed_images(bench, tiny_model, predictor, rgb):
    bench.start(
        *("--ros-args", "-r", "image:=/front/image_raw"),
        model=str(tiny_model),
        image_transport="compressed",
    )
    labels = bench.subscribe_outputs("labels")["labels"]
    jpeg = cv2.imencode(".jpg", rgb[..., ::-1])[1]
    message = CompressedImage(header=bench.header(), format="rgb8; jpeg compressed bgr8")
    message.data = array.array("B", jpeg.tobytes())
    bench.camera(CompressedImage, "/front/image_raw/compressed").publish(message)
    wait_for(lambda: labels)
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]
    assert_header(labels[0], message.header)
    np.testing.assert_array_equal(decode_map(labels[0]), predictor(decoded).labels)


def test_nothing_is_computed_for_nobody(bench, tiny_model, watched, rgb):
    node = bench.start(load=lambda *_: watched, model=str(tiny_model))
    camera = bench.camera()
    camera.publish(bench.image(rgb))
    wait_for(lambda: counts(node)["idle"] == 1)
    assert watched.runs == 0

    for name, needed in [("overlay", {"open_set"}), ("outlier_probability", {"outlier"})]:
        received = bench.subscribe_outputs(name)[name]
        camera.publish(bench.image(rgb))
        wait_for(lambda r=received: r)
        assert watched.outputs[-1] >= needed
    assert watched.outputs == [{"open_set"}, {"open_set", "outlier"}]
    wait_for(lambda: counts(node)["processed"] == 2)


def test_the_newest_frame_replaces_older_ones(bench, tiny_model, watched, rgb):
    node = bench.start(load=lambda *_: watched, model=str(tiny_model))
    labels = bench.subscribe_outputs("labels")["labels"]
    camera = bench.camera()
    watched.gate.clear()
    images = [bench.image(rgb) for _ in range(6)]
    camera.publish(images[0])
    assert watched.waiting.wait(60)
    for index, image in enumerate(images[1:], start=2):
        camera.publish(image)
        wait_for(lambda n=index: counts(node)["received"] == n)
    assert counts(node)["replaced"] == 4
    watched.gate.set()
    wait_for(lambda: len(labels) == 2)
    wait_for(lambda: counts(node)["processed"] == 2)
    assert [m.header for m in labels] == [images[0].header, images[-1].header]
    assert watched.runs == 2


def test_a_slow_network_keeps_up_with_a_fast_camera(bench, tiny_model, predictor, rgb):
    """At 50 Hz in and 5 Hz out, no frame waits longer than the one before it takes."""

    class Slow(Watched):
        def infer_pixels(self, pixels, size):
            time.sleep(0.2)
            return super().infer_pixels(pixels, size)

    node = bench.start(load=lambda *_: Slow(predictor), model=str(tiny_model))
    labels = bench.subscribe_outputs("labels")["labels"]
    camera = bench.camera()
    stamp_at_arrival = []
    published = 0
    end = time.monotonic() + 3
    while time.monotonic() < end:
        image = bench.image(rgb)
        camera.publish(image)
        published += 1
        if len(labels) > len(stamp_at_arrival):
            stamp_at_arrival.append((labels[-1].header.stamp.sec, image.header.stamp.sec))
        time.sleep(0.02)
    # DDS itself may replace a frame while the executor is held up on a busy machine.
    wait_for(lambda: counts(node)["processed"] + counts(node)["replaced"] >= 0.7 * published)
    wait_for(
        lambda: (
            sum(v for k, v in counts(node).items() if k != "received") == counts(node)["received"]
        )
    )
    count = counts(node)
    assert count["received"] <= published
    assert 3 <= count["processed"] <= 17
    assert count["processed"] + count["replaced"] == count["received"]
    assert len(stamp_at_arrival) >= 2
    behind = [camera_stamp - stamp for stamp, camera_stamp in stamp_at_arrival]
    assert max(behind) <= published / 3, "frames must not queue up"


def bad_images(bench, rgb):
    """Yield images that must not get through, each with what the error says."""

    def changed(**fields):
        image = bench.image(rgb)
        for name, value in fields.items():
            setattr(image, name, value)
        return image

    yield changed(height=HEIGHT + 1), "are due"
    yield changed(width=WIDTH + 1), "shorter than a row"
    yield changed(encoding="mystery8"), "mystery8"
    yield changed(data=array.array("B", bytes(100))), "100 bytes of data"
    yield changed(height=0, width=0, step=0, data=array.array("B")), "empty"
    yield changed(height=2**31, width=2**31), "limit"


def test_bad_frames_cost_one_line_and_the_next_good_frame_is_processed(
    bench, tiny_model, predictor, rgb
):
    node = bench.start(model=str(tiny_model))
    labels = bench.subscribe_outputs("labels")["labels"]
    lines = bench.errors()
    newest = bench.diagnostics()
    camera = bench.camera()
    bad = list(bad_images(bench, rgb))
    for index, (image, reason) in enumerate(bad, start=1):
        camera.publish(image)
        wait_for(lambda n=index: counts(node)["bad"] == n)
        assert reason in node.cameras[0].statistics.report().values["last_error"]
    wait_for(lambda: newest()["frames_bad"] == str(len(bad)))
    assert newest()["level"] == "2"
    assert "no frame could be processed: /image: " in newest()["message"]

    good = bench.image(rgb)
    camera.publish(good)
    wait_for(lambda: labels)
    assert len(labels) == 1
    assert_header(labels[0], good.header)
    np.testing.assert_array_equal(decode_map(labels[0]), predictor(rgb).labels)
    wait_for(lambda: newest()["frames_processed"] == "1")
    assert newest()["level"] == "1"
    wait_for(lambda: lines)
    assert lines == [f"/image: {node_error(bad[0][0])}"]


def node_error(message):
    with pytest.raises(OpenSetError) as error:
        decode_image(message)
    return str(error.value)


def test_damaged_compressed_images(bench, tiny_model, rgb):
    node = bench.start(model=str(tiny_model), image_transport="compressed")
    labels = bench.subscribe_outputs("labels")["labels"]
    lines = bench.errors()
    camera = bench.camera(CompressedImage, "/image/compressed")
    jpeg = cv2.imencode(".jpg", rgb)[1].tobytes()
    for index, data in enumerate((b"", jpeg[:-20], b"nonsense" * 50), start=1):
        camera.publish(CompressedImage(header=bench.header(), data=array.array("B", data)))
        wait_for(lambda n=index: counts(node)["bad"] == n)
    camera.publish(CompressedImage(header=bench.header(), data=array.array("B", jpeg)))
    wait_for(lambda: labels)
    wait_for(lambda: lines)
    assert len(lines) == 1
    assert lines[0].startswith("/image/compressed: compressed image of 0 bytes")


def test_a_failing_network_is_survived(bench, tiny_model, watched, rgb):
    node = bench.start(load=lambda *_: watched, model=str(tiny_model))
    labels = bench.subscribe_outputs("labels")["labels"]
    lines = bench.errors()
    camera = bench.camera()
    watched.failures = [MemoryError("3"), RuntimeError("2"), RuntimeError("out of\nmemory")]
    remedy = "; lower the parameter resolution"
    reasons = [
        f"RuntimeError: out of memory{remedy}",
        "RuntimeError: 2",
        f"MemoryError: 3{remedy}",
    ]
    for index, reason in enumerate(reasons, start=1):
        camera.publish(bench.image(rgb))
        wait_for(lambda n=index: counts(node)["failed"] == n)
        told = node.cameras[0].report().values["last_error"]
        assert told == f"/image: recognition failed, {reason}"
    camera.publish(bench.image(rgb))
    wait_for(lambda: labels)
    wait_for(lambda: lines)
    assert lines == [f"/image: recognition failed, {reasons[0]}"]


def test_threshold_and_fusion_act_on_the_next_frame(bench, tiny_model, predictor, rgb):
    bench.start(model=str(tiny_model))
    received = bench.subscribe_outputs("outlier_probability", "open_set", "overlay")
    legend = bench.legend()
    camera = bench.camera()
    logits = predictor.infer(rgb)
    steps = [
        {},
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"fusion": "msm", "threshold": 0.85},
        {"fusion": "entropy"},
        {"smoothing": 3.0},
        {"overlay_opacity": 0.1},
    ]
    settings = {"fusion": "op_x_msm", "threshold": 0.5, "smoothing": 0.0, "overlay_opacity": 0.5}
    seen = []
    for index, step in enumerate(steps):
        if step:
            assert bench.set_parameters(**step) == ""
        settings |= step
        camera.publish(bench.image(rgb))
        for messages in received.values():
            wait_for(lambda m=messages, n=index: len(m) == n + 1)
        decision = {k: v for k, v in settings.items() if k != "overlay_opacity"}
        expected = predictor.decide(logits, **decision)
        outlier, open_set, overlay = (messages[-1] for messages in received.values())
        np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
        np.testing.assert_array_equal(decode_map(open_set), expected.open_set)
        opacity = settings["overlay_opacity"]
        blended = blend_overlay(rgb, expected.open_set, predictor.taxonomy, opacity)
        np.testing.assert_array_equal(decode_image(overlay), blended)
        announced = {name: settings[name] for name in ("fusion", "threshold")}
        wait_for(lambda values=announced: values.items() <= legend().items())
        seen.append((decision["fusion"], (expected.open_set == 11).mean()))
    assert seen[1][1] == 1, "at threshold 0 everything is an outlier"
    assert seen[2][1] == 0, "at threshold 1 nothing is"
    assert 0 < seen[3][1] < 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"threshold": 1.5}, "threshold is out of range: give a value from 0 to 1 or calibrated"),
        ({"threshold": -0.1}, "threshold is out of range"),
        ({"threshold": float("nan")}, "threshold is out of range"),
        ({"threshold": 1.0000000001}, "give a value from 0 to 1 or calibrated"),
        ({"threshold": 2}, "threshold is out of range"),
        ({"threshold": True}, "threshold is True: give a value from 0 to 1 or calibrated"),
        ({"threshold": "high"}, "threshold is 'high': give a value from 0 to 1 or calibrated"),
        ({"threshold": None}, "threshold is None: give a value from 0 to 1 or calibrated"),
        ({"threshold": "calibrated"}, "model tiny has no calibration of op_x_msm: run `ldn-open"),
        ({"fusion": "magic"}, "one of op, msm, op_x_msm, op_plus_msm, dense_hybrid, entropy"),
        ({"fusion": "standardised_max_logit"}, "needs class statistics, which this model lacks"),
        (
            {"allow_multi_pass": True},
            "parameter allow_multi_pass is read when the node is configured",
        ),
        ({"smoothing": -1.0}, "smoothing out of range"),
        ({"overlay_opacity": 2.0}, "overlay_opacity out of range"),
        ({"max_age": -1.0}, "max_age out of range"),
        ({"model": "other"}, "parameter model is read when the node is configured"),
        ({"resolution": 64}, "parameter resolution is read when the node is configured"),
        ({"threshold": 0.2, "fusion": "magic"}, "one of op"),
    ],
)
def test_bad_changes_are_refused(bench, tiny_model, values, reason):
    node = bench.start(model=str(tiny_model))
    before = {name: node.get_parameter(name).value for name in values}
    assert reason in bench.set_parameters(**values)
    assert {name: node.get_parameter(name).value for name in values} == before
    assert bench.legend()()["threshold"] == 0.5


@pytest.fixture
def model_of(tiny_model, tmp_path):
    """Write a small model of another recognition module, in its default score."""

    def write(name: str, threshold: float = 0.5, dropout: float = 0.0, **decision) -> str:
        own = read_description(tiny_model)
        module = MODULES[name]
        description = replace(
            own,
            name=name,
            recognition=RecognitionSettings(name, passes=3),
            network=replace(
                own.network,
                segmentation_head=module.segmentation_head,
                outlier_head=module.outlier_head,
                dropout=dropout,
            ),
            decision=DecisionSettings(module.default_score, threshold, **decision),
        )
        torch.manual_seed(0)
        write_model(tmp_path / name, description, OpenSetNetwork(description.network))
        return str(tmp_path / name)

    return write


def test_scores_of_an_outlier_head_need_one(bench, model_of):
    bench.start(model=model_of("multi_class"))
    for fusion in ("op", "op_x_msm", "op_plus_msm", "dense_hybrid"):
        assert "needs an outlier head" in bench.set_parameters(fusion=fusion)
    assert bench.set_parameters(fusion="energy") == ""


def test_a_model_without_classes_publishes_void_labels(bench, model_of, rgb):
    model = model_of("outlier_head")
    predictor = Predictor.load(model, device="cpu")
    threshold = round(float(np.median(predictor(rgb).outlier)), 4)
    bench.start(model=model, threshold=threshold)
    received = bench.subscribe_outputs(*OUTPUTS)
    image = bench.image(rgb)
    bench.camera().publish(image)
    for messages in received.values():
        wait_for(lambda m=messages: m)
    labels, outlier, open_set, overlay = (received[name][0] for name in OUTPUTS)
    assert (decode_map(labels) == 255).all()
    expected = predictor.decide(predictor.infer(rgb), threshold=threshold)
    np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
    found = decode_map(open_set)
    np.testing.assert_array_equal(found, np.where(expected.outlier >= threshold, 11, 255))
    assert 0.2 < (found == 11).mean() < 0.8
    blended = blend_overlay(rgb, found, predictor.taxonomy, 0.5)
    np.testing.assert_array_equal(decode_image(overlay), blended)
    assert_header(overlay, image.header)
    assert "needs class logits, which this model lacks: choose op" in bench.set_parameters(
        fusion="msm"
    )


@pytest.mark.parametrize(("name", "dropout"), [("odin", 0.0), ("mc_dropout", 0.3)])
def test_a_model_of_several_passes_runs_where_it_is_allowed(bench, model_of, rgb, name, dropout):
    model = model_of(name, dropout=dropout)
    with pytest.raises(OpenSetError) as refusal:
        bench.start(model=model)
    assert str(refusal.value) == (
        f"model {model} recognises by {name}, which takes several passes of the network a frame: "
        "choose another parameter model, or set allow_multi_pass if its frame rate will do"
    )
    node = bench.start(model=model, allow_multi_pass=True)
    assert node.get_parameter("allow_multi_pass").value is True
    received = bench.subscribe_outputs("labels", "outlier_probability")
    image = bench.image(rgb)
    bench.camera().publish(image)
    for messages in received.values():
        wait_for(lambda m=messages: m)
    expected = Predictor.load(model, device="cpu")(rgb)
    np.testing.assert_array_equal(decode_map(received["labels"][0]), expected.labels)
    outlier = received["outlier_probability"][0]
    np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
    assert_header(outlier, image.header)


def test_smoothing_is_the_models_own_until_it_is_set(bench, model_of, rgb):
    model = model_of("two_heads", smoothing=2.0)
    predictor = Predictor.load(model, device="cpu")
    node = bench.start(model=model)
    assert node.get_parameter("smoothing").value == 2.0
    outliers = bench.subscribe_outputs("outlier_probability")["outlier_probability"]
    camera = bench.camera()
    logits = predictor.infer(rgb)
    smooth, sharp = (predictor.decide(logits, smoothing=s).outlier for s in (2.0, 0.0))
    assert np.abs(smooth - sharp).max() > 0.01
    camera.publish(bench.image(rgb))
    wait_for(lambda: outliers)
    np.testing.assert_array_equal(decode_float(outliers[0]), smooth)
    assert bench.set_parameters(smoothing=0.0) == ""
    camera.publish(bench.image(rgb))
    wait_for(lambda: len(outliers) == 2)
    np.testing.assert_array_equal(decode_float(outliers[1]), sharp)


def test_the_calibrated_threshold(bench, calibrated_model, rgb):
    predictor = Predictor.load(calibrated_model, device="cpu")
    node = bench.start(model=str(calibrated_model), threshold="calibrated")
    received = bench.subscribe_outputs("outlier_probability", "open_set")
    legend, newest = bench.legend(), bench.diagnostics()
    bench.camera().publish(bench.image(rgb))
    for messages in received.values():
        wait_for(lambda m=messages: m)
    expected = predictor.decide(predictor.infer(rgb), threshold=0.39)
    outlier, open_set = (messages[0] for messages in received.values())
    np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
    np.testing.assert_array_equal(decode_map(open_set), expected.open_set)
    assert 0 < (expected.open_set == 11).mean() < 1
    assert (legend()["threshold"], legend()["temperature"]) == (0.39, 2.5)
    assert (newest()["threshold"], newest()["temperature"]) == ("0.39", "2.5")
    assert node.get_parameter("threshold").value == "calibrated"


def test_number_and_calibrated_threshold_are_exchanged_live(bench, calibrated_model, rgb):
    predictor = Predictor.load(calibrated_model, device="cpu")
    node = bench.start(model=str(calibrated_model), threshold=0.45)
    open_sets = bench.subscribe_outputs("open_set")["open_set"]
    legend = bench.legend()
    camera = bench.camera()
    logits = predictor.infer(rgb)
    steps = [
        ({}, "op_x_msm", 0.45),
        ({"threshold": "calibrated"}, "op_x_msm", 0.39),
        ({"threshold": 0.6, "fusion": "msm"}, "msm", 0.6),
        ({"threshold": "calibrated", "fusion": "op_x_msm"}, "op_x_msm", 0.39),
        ({"threshold": 1}, "op_x_msm", 1.0),
    ]
    seen = []
    for index, (step, fusion, threshold) in enumerate(steps):
        if step:
            assert bench.set_parameters(**step) == ""
        camera.publish(bench.image(rgb))
        wait_for(lambda n=index: len(open_sets) == n + 1)
        expected = predictor.decide(logits, fusion, threshold).open_set
        np.testing.assert_array_equal(decode_map(open_sets[-1]), expected)
        temperature = 2.5 if fusion == "op_x_msm" else 1.0
        announced = {"fusion": fusion, "threshold": threshold, "temperature": temperature}
        wait_for(lambda values=announced: values.items() <= legend().items())
        seen.append(expected.tobytes())
    assert seen[1] == seen[3]
    assert len(set(seen)) == 4
    assert node.get_parameter("threshold").value == 1


def test_a_fusion_without_calibration_is_refused_while_the_threshold_needs_one(
    bench, calibrated_model
):
    node = bench.start(model=str(calibrated_model), threshold="calibrated")
    reason = bench.set_parameters(fusion="msm")
    assert reason == (
        "threshold is calibrated but model tiny has no calibration of msm, only of op_x_msm: run "
        "`ldn-openset calibrate MODEL --score msm ...` or give a number"
    )
    assert node.get_parameter("fusion").value == "op_x_msm"
    assert "only of op_x_msm" in bench.set_parameters(fusion="msm", threshold="calibrated")
    assert bench.set_parameters(threshold=0.8) == ""
    assert bench.set_parameters(fusion="msm") == ""
    assert "only of op_x_msm" in bench.set_parameters(threshold="calibrated")
    assert node.get_parameter("threshold").value == 0.8
    assert bench.legend()()["threshold"] == 0.8


def test_a_calibrated_model_brings_its_threshold(bench, calibrated_model):
    node = bench.start(model=str(calibrated_model))
    assert node.get_parameter("threshold").value == 0.39
    legend = bench.legend()()
    assert (legend["threshold"], legend["temperature"]) == (0.39, 2.5)


def test_parameters_show_the_values_of_the_model(bench, tiny_model):
    node = bench.start(model=str(tiny_model))
    names = ("fusion", "threshold", "resolution", "smoothing")
    own = {name: node.get_parameter(name).value for name in names}
    assert own == {"fusion": "op_x_msm", "threshold": 0.5, "resolution": 0, "smoothing": 0.0}


def test_legend_names_every_id_to_late_subscribers(bench, tiny_model, predictor):
    bench.start(model=str(tiny_model), threshold=0.25, resolution=48)
    legend = bench.legend()()
    assert legend["model"] == "tiny"
    assert (legend["fusion"], legend["threshold"], legend["resolution"]) == ("op_x_msm", 0.25, 48)
    assert (legend["outlier_id"], legend["void_id"]) == (11, 255)
    names = {entry["id"]: entry["name"] for entry in legend["classes"]}
    assert names == {**dict(enumerate(predictor.taxonomy.names)), 11: "outlier", 255: "void"}
    colours = {entry["id"]: entry["colour"] for entry in legend["classes"]}
    assert colours[11] == [255, 0, 220]
    assert colours[3] == list(predictor.taxonomy.classes[3].colour)


def test_label_info_where_vision_msgs_is_installed(bench, tiny_model, predictor):
    messages = pytest.importorskip("vision_msgs.msg", reason="vision_msgs is not installed")
    from bench import LATCHED

    bench.start(model=str(tiny_model), threshold=0.25)
    infos = bench.subscribe(messages.LabelInfo, "/openset/label_info", LATCHED)
    wait_for(lambda: infos)
    assert infos[0].threshold == pytest.approx(0.25)
    names = {entry.class_id: entry.class_name for entry in infos[0].class_map}
    assert names == {**dict(enumerate(predictor.taxonomy.names)), 11: "outlier", 255: "void"}


def test_diagnostics(bench, tiny_model, rgb):
    bench.start(model=str(tiny_model), threshold=0.25)
    bench.subscribe_outputs("overlay")
    newest = bench.diagnostics()
    assert newest()["level"] == "1", "stale before the first image"
    camera = bench.camera()
    for _ in range(5):
        camera.publish(bench.image(rgb))
        time.sleep(0.1)
    wait_for(lambda: newest()["frames_received"] == "5")
    wait_for(lambda: newest()["frames_processed"] != "0")
    values = newest()
    assert values["level"] == "0", values["message"]
    assert (values["model"], values["device"], values["threshold"]) == ("tiny", "cpu", "0.25")
    assert values["temperature"] == "1.0", "not calibrated"
    assert values["topic"] == "/image"
    stages = ["decode", "pre_process", "network", "score", "publish"]
    medians = {stage: float(values[f"latency_{stage}_p50_ms"]) for stage in stages}
    assert all(0 <= median < 60_000 for median in medians.values())
    assert medians["network"] > 1
    total = float(values["latency_total_p95_ms"])
    assert total >= medians["network"]
    assert float(values["rate_in_hz"]) == 1.0
    assert float(values["output_age_p50_ms"]) > 1e9, "the stamps are years old"


def test_old_frames_are_dropped(bench, tiny_model, rgb):
    node = bench.start(model=str(tiny_model), max_age=60.0)
    labels = bench.subscribe_outputs("labels")["labels"]
    newest = bench.diagnostics()
    camera = bench.camera()
    camera.publish(bench.image(rgb))  # stamped in 2023
    wait_for(lambda: counts(node)["too_old"] == 1)
    wait_for(lambda: newest()["level"] == "2")
    assert "max_age" in newest()["message"]
    fresh, unstamped = bench.image(rgb), bench.image(rgb)
    fresh.header.stamp = node.get_clock().now().to_msg()
    unstamped.header.stamp.sec = unstamped.header.stamp.nanosec = 0
    for index, image in enumerate((fresh, unstamped), start=1):
        camera.publish(image)
        wait_for(lambda n=index: len(labels) == n)
    assert bench.set_parameters(max_age=0.0) == ""
    old, before_the_epoch = bench.image(rgb), bench.image(rgb)
    before_the_epoch.header.stamp.sec = -5
    for index, image in enumerate((old, before_the_epoch), start=3):
        camera.publish(image)
        wait_for(lambda n=index: len(labels) == n)
    assert [m.header for m in labels[2:]] == [old.header, before_the_epoch.header]
    assert counts(node)["too_old"] == 1


def test_remapped_and_in_a_namespace(bench, tiny_model, rgb):
    bench.start(
        *("--ros-args", "-r", "__ns:=/front", "-r", "image:=camera/image_raw"),
        model=str(tiny_model),
    )
    labels = bench.subscribe_outputs("labels", node="/front/openset")["labels"]
    image = bench.image(rgb)
    bench.camera(topic="/front/camera/image_raw").publish(image)
    wait_for(lambda: labels)
    assert_header(labels[0], image.header)


def test_qos_and_its_overrides(bench, tiny_model):
    overrides = {
        "qos_overrides./image.subscription.reliability": "reliable",
        "qos_overrides./image.subscription.depth": 3,
        "qos_overrides./openset/labels.publisher.reliability": "best_effort",
    }
    node = bench.start(model=str(tiny_model), **overrides)
    (image,) = node.get_subscriptions_info_by_topic("/image")
    assert image.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    (labels,) = node.get_publishers_info_by_topic("/openset/labels")
    assert labels.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    (overlay,) = node.get_publishers_info_by_topic("/openset/overlay")
    assert overlay.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert node.get_parameter("qos_overrides./image.subscription.depth").value == 3


def test_image_qos_by_default(bench, tiny_model):
    node = bench.start(model=str(tiny_model))
    (image,) = node.get_subscriptions_info_by_topic("/image")
    assert image.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert node.get_parameter("qos_overrides./image.subscription.depth").value == 1


REFUSED_STARTS = [
    ({"model": "no_such_model"}, "no model 'no_such_model': give a folder"),
    ({"model": ""}, "no model ''"),
    ({"device": "cuda:99"}, "device 'cuda:99' is not there"),
    ({"device": "toaster"}, "choose auto, cpu or cuda:N"),
    ({"device": 0}, "device '0': choose auto, cpu or cuda:N"),
    ({"device": True}, "parameter device has a wrong type: give a text, for example 'auto'"),
    ({"threshold": 1.5}, "parameter threshold is out of range: give a value from 0 to 1"),
    ({"threshold": -0.5}, "parameter threshold is out of range: give a value from 0 to 1"),
    ({"threshold": float("nan")}, "parameter threshold is out of range"),
    ({"threshold": "high"}, "threshold is 'high': give a value from 0 to 1 or calibrated"),
    ({"threshold": False}, "threshold is False: give a value from 0 to 1 or calibrated"),
    ({"threshold": "calibrated"}, "no calibration of op_x_msm: run `ldn-openset calibrate MODEL"),
    ({"smoothing": "1"}, "parameter smoothing has a wrong type: give a floating-point number"),
    ({"fusion": "magic"}, "parameter fusion is 'magic': give one of op, msm"),
    ({"resolution": -1}, "parameter resolution is out of range: give a value from 0 to 8192"),
    ({"resolution": 512.5}, "parameter resolution has a wrong type: give a whole number"),
    ({"backend": "magic"}, "parameter backend is 'magic': give one of auto, torch"),
    ({"precision": "float8"}, "parameter precision is 'float8': give one of auto, float32"),
    ({"image_transport": "theora"}, "parameter image_transport is 'theora': give one of raw, com"),
    ({"overlay_opacity": 7.0}, "parameter overlay_opacity is out of range"),
    ({"allow_multi_pass": "yes"}, "parameter allow_multi_pass has a wrong type: give true or fal"),
    ({"allow_multi_pass": 1}, "parameter allow_multi_pass has a wrong type: give true or false"),
    ({"fusion": "standardised_max_logit"}, "needs class statistics, which this model lacks"),
    ({"qos_overrides./image.subscription.reliability": "maybe"}, "qos_overrides of /image: "),
]


@pytest.mark.parametrize(("parameters", "reason"), REFUSED_STARTS)
def test_unusable_starts_are_refused_with_the_remedy(bench, tiny_model, parameters, reason):
    with pytest.raises(OpenSetError) as error:
        bench.start(**{"model": str(tiny_model), **parameters})
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_a_model_that_torch_cannot_load_is_one_line(bench, tiny_model):
    def load(*_):
        raise RuntimeError("CUDA error: out of memory\nhints")

    with pytest.raises(OpenSetError, match="cannot be loaded on device auto: CUDA error: out"):
        bench.start(load=load, model=str(tiny_model))


def test_the_shipped_parameter_file_starts_the_node(bench, tiny_model):
    """Every value in the file is the default, so it changes nothing."""
    plain = bench.start(model=str(tiny_model), cameras=[""])
    values = {name: p.value for name, p in plain.get_parameters_by_prefix("").items()}
    bench.close_node(plain)
    path = str(config_file("openset.yaml"))
    node = bench.start("--ros-args", "--params-file", path, model=str(tiny_model))
    assert {name: p.value for name, p in node.get_parameters_by_prefix("").items()} == values


def test_images_of_the_shipped_scores_differ(predictor, rgb):
    """The comparisons above mean something: the scores of the small network differ."""
    logits = predictor.infer(rgb)
    maps = SimpleNamespace(**{f: predictor.decide(logits, f).outlier for f in ("msm", "op")})
    assert np.abs(maps.msm - maps.op).max() > 0.05
