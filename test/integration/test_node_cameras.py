"""Several cameras that share one model, on real DDS."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import wait_for
from diagnostic_msgs.msg import DiagnosticArray
from drill import HEIGHT, WIDTH, picture
from sensor_msgs.msg import CameraInfo, Image

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.images import decode_float, decode_map

CAMERAS = ["front", "left", "rear", "right"]


class Gated:
    """A real predictor whose network waits at a gate; it keeps the sizes of its batches."""

    def __init__(self, predictor: Predictor, seconds: float = 0.0) -> None:
        self._predictor = predictor
        self._seconds = seconds
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self.batches: list[int] = []

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def infer_pixels(self, pixels, size):
        self.batches.append(len(pixels))
        self.waiting.set()
        assert self.gate.wait(60)
        time.sleep(self._seconds)
        return self._predictor.infer_pixels(pixels, size)


@pytest.fixture
def predictor(tiny_model):
    return Predictor.load(tiny_model, device="cpu")


def processed(node) -> dict[str, int]:
    return {c.name: frames(c, "processed") for c in node.cameras}


def frames(camera, outcome: str) -> int:
    return int(camera.statistics.report().values[f"frames_{outcome}"])


def test_each_camera_gets_its_own_maps_under_its_own_name(bench, tiny_model, predictor):
    bench.start(model=str(tiny_model), cameras=["front", "rear"])
    for seed, name in enumerate(("front", "rear")):
        outputs = bench.subscribe_outputs("labels", "outlier_probability", node=f"/openset/{name}")
        camera = bench.camera(topic=f"/{name}/image")
        image = bench.image(picture(seed))
        camera.publish(image)
        wait_for(lambda o=outputs: all(o.values()))
        expected = predictor(picture(seed))
        labels, outlier = outputs["labels"][0], outputs["outlier_probability"][0]
        assert labels.header == outlier.header == image.header
        np.testing.assert_array_equal(decode_map(labels), expected.labels)
        np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
    topics = {name for name, _ in bench.probe.get_topic_names_and_types()}
    assert {"/openset/legend", "/openset/front/markers", "/rear/camera_info"} <= topics
    assert not {"/image", "/openset/labels"} & topics


def test_every_camera_has_its_own_diagnostics(bench, tiny_model):
    bench.start(model=str(tiny_model), cameras=["front", "rear"])
    bench.subscribe_outputs("labels", node="/openset/front")
    arrays = bench.subscribe(DiagnosticArray, "/diagnostics")
    camera = bench.camera(topic="/front/image")

    def statuses():
        camera.publish(bench.image(picture(0)))
        found = {s.name: s for s in arrays[-1].status} if arrays else {}
        return found if found and found["openset: front"].level == b"\0" else None

    found = wait_for(statuses)
    assert set(found) == {"openset: front", "openset: rear"}
    front, rear = (
        {v.key: v.value for v in found[f"openset: {name}"].values} for name in ("front", "rear")
    )
    assert (front["topic"], rear["topic"]) == ("/front/image", "/rear/image")
    assert int(front["frames_processed"]) > 0
    assert rear["frames_received"] == "0"
    assert found["openset: rear"].level == b"\1", "nothing comes from there"
    assert "no image" in found["openset: rear"].message


def test_at_overload_four_cameras_are_served_equally(bench, tiny_model, predictor):
    """One of them publishes ten times as often as the others."""
    slow = Gated(predictor, seconds=0.06)
    node = bench.start(load=lambda *_: slow, model=str(tiny_model), cameras=CAMERAS)
    for name in CAMERAS:
        bench.subscribe_outputs("labels", node=f"/openset/{name}")
    publishers = [bench.camera(topic=f"/{name}/image") for name in CAMERAS]
    rgb = picture(0)
    end = time.monotonic() + 6
    while time.monotonic() < end:
        for publisher in (*publishers, *[publishers[0]] * 9):
            publisher.publish(bench.image(rgb))
        time.sleep(0.04)  # at most 25 frames a second of each but the first, 250 of that
    counts = processed(node)
    assert min(counts.values()) >= 8
    assert max(counts.values()) <= 1.1 * min(counts.values()) + 1, counts


def test_a_camera_that_sends_rubbish_and_one_that_is_dead_hold_up_no_other(bench, tiny_model):
    node = bench.start(model=str(tiny_model), cameras=["front", "dead", "broken"])
    labels = bench.subscribe_outputs("labels", node="/openset/front")["labels"]
    bench.subscribe_outputs("labels", node="/openset/broken")
    front, broken = (bench.camera(topic=f"/{name}/image") for name in ("front", "broken"))
    errors = bench.errors()
    for number in range(5):
        bad = bench.image(picture(0))
        bad.height = 1000
        broken.publish(bad)
        front.publish(bench.image(picture(number)))
        wait_for(lambda n=number: len(labels) == n + 1)
    wait_for(lambda: frames(node.cameras[2], "bad") > 0)
    assert processed(node) == {"front": 5, "dead": 0, "broken": 0}
    wait_for(lambda: errors)
    assert all(line.startswith("/broken/image: ") for line in errors)


def test_frames_of_equal_size_share_a_pass_of_the_network(bench, tiny_model, predictor):
    gated = Gated(predictor)
    node = bench.start(load=lambda *_: gated, model=str(tiny_model), cameras=CAMERAS, max_batch=4)
    outputs = {
        name: bench.subscribe_outputs("outlier_probability", node=f"/openset/{name}")
        for name in CAMERAS
    }
    publishers = {name: bench.camera(topic=f"/{name}/image") for name in CAMERAS}
    gated.batches.clear()
    gated.gate.clear()
    publishers["front"].publish(bench.image(picture(9)))
    assert gated.waiting.wait(60)
    # While it is busy: two of one size, one of another, one that cannot be read.
    sizes = {"front": (64, 96), "left": (64, 96), "rear": (48, 96), "right": (64, 96)}
    sent = {}
    for seed, (name, size) in enumerate(sizes.items()):
        image = bench.image(picture(seed, *size))
        if name == "right":
            image.encoding = "mystery8"
        publishers[name].publish(image)
        sent[name] = image.header
        wait_for(lambda n=name: frames(camera_of(node, n), "received") == 1 + (n == "front"))
    gated.gate.set()
    wait_for(lambda: frames(camera_of(node, "rear"), "processed") == 1)
    wait_for(lambda: frames(camera_of(node, "front"), "processed") == 2)
    assert gated.batches == [1, 2, 1]
    assert frames(camera_of(node, "right"), "bad") == 1
    for seed, name in enumerate(("front", "left", "rear")):
        wait_for(lambda n=name: outputs[n]["outlier_probability"])
        message = outputs[name]["outlier_probability"][-1]
        assert message.header == sent[name]
        expected = predictor(picture(seed, *sizes[name])).outlier
        np.testing.assert_allclose(decode_float(message), expected, atol=1e-5)


def camera_of(node, name):
    return next(camera for camera in node.cameras if camera.name == name)


def test_a_network_that_fails_on_a_batch_costs_those_frames_alone(bench, tiny_model, predictor):
    class Failing(Gated):
        def infer_pixels(self, pixels, size):
            logits = super().infer_pixels(pixels, size)
            if len(pixels) > 1:
                raise RuntimeError("out of memory")
            return logits

    failing = Failing(predictor)
    node = bench.start(
        load=lambda *_: failing, model=str(tiny_model), cameras=["front", "rear"], max_batch=2
    )
    labels = bench.subscribe_outputs("labels", node="/openset/front")["labels"]
    bench.subscribe_outputs("labels", node="/openset/rear")
    front, rear = (bench.camera(topic=f"/{name}/image") for name in ("front", "rear"))
    failing.gate.clear()
    failing.waiting.clear()
    front.publish(bench.image(picture(0)))
    assert failing.waiting.wait(60)
    for publisher in (front, rear):
        publisher.publish(bench.image(picture(1)))
    wait_for(lambda: frames(node.cameras[0], "received") == 2)
    wait_for(lambda: frames(node.cameras[1], "received") == 1)
    failing.gate.set()
    wait_for(lambda: [frames(c, "failed") for c in node.cameras] == [1, 1])
    front.publish(bench.image(picture(2)))
    wait_for(lambda: len(labels) == 2)


def test_calibration_follows_maps_of_half_the_size(bench, tiny_model, predictor):
    bench.start(model=str(tiny_model), cameras=["front"], output_scale=0.5)
    labels = bench.subscribe_outputs("labels", node="/openset/front")["labels"]
    infos = bench.subscribe(CameraInfo, "/openset/front/camera_info")
    given = bench.camera(CameraInfo, "/front/camera_info")
    camera = bench.camera(Image, "/front/image")
    image = bench.image(picture(0))
    info = CameraInfo(header=image.header, height=HEIGHT, width=WIDTH)
    info.k = [80.0, 0.0, 47.5, 0.0, 80.0, 31.5, 0.0, 0.0, 1.0]

    def answered():
        given.publish(info)
        camera.publish(image)
        return infos and labels

    wait_for(answered)
    assert (labels[0].height, labels[0].width) == (32, 48)
    assert (infos[0].height, infos[0].width) == (32, 48)
    assert list(infos[0].k) == pytest.approx([40, 0, 23.5, 0, 40, 15.5, 0, 0, 1])
    assert infos[0].header == image.header


@pytest.mark.parametrize("names", [["a/b"], ["front", "front"], ["front", ""]])
def test_names_that_are_no_topics_are_refused_with_the_remedy(bench, tiny_model, names):
    with pytest.raises(OpenSetError, match=r"parameter cameras is .* give names of letters"):
        bench.start(model=str(tiny_model), cameras=names)
