"""The managed life of the node on real DDS."""

from __future__ import annotations

import gc
import os
import threading

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import wait_for
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import GetState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import LoggingSeverity
from std_srvs.srv import SetBool

from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.images import decode_map

HEIGHT, WIDTH = 64, 96
CYCLES = 50
CPU = not torch.cuda.is_available()


@pytest.fixture
def rgb():
    blocks = np.random.default_rng(3).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    return cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def call(bench):
    """Return a function that calls a service of the node."""
    return lambda kind, name, request: bench.call(kind, f"/openset/{name}", request)


@pytest.fixture
def change(bench):
    """Return a function that asks for a transition by its id, and says whether it succeeded."""
    return bench.change_state


@pytest.fixture
def state(call):
    return lambda: call(GetState, "get_state", GetState.Request()).current_state.id


def frames_disabled(node) -> int:
    return int(node.cameras[0].statistics.report().values["frames_disabled"])


def test_a_manager_leads_it_through_its_life(bench, tiny_model, rgb, change, state):
    node = bench.start(model=str(tiny_model), autostart=False)
    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    assert node.state == "unconfigured"
    assert change(Transition.TRANSITION_CONFIGURE)
    assert state() == State.PRIMARY_STATE_INACTIVE
    labels = bench.subscribe_outputs("labels")["labels"]
    camera = bench.camera()
    camera.publish(bench.image(rgb))
    wait_for(lambda: frames_disabled(node) == 1)
    assert change(Transition.TRANSITION_ACTIVATE)
    image = bench.image(rgb)
    camera.publish(image)
    wait_for(lambda: labels)
    assert labels[0].header == image.header
    expected = Predictor.load(tiny_model, device="cpu")(rgb).labels
    np.testing.assert_array_equal(decode_map(labels[0]), expected)
    assert change(Transition.TRANSITION_DEACTIVATE)
    camera.publish(bench.image(rgb))
    wait_for(lambda: frames_disabled(node) == 2)
    assert len(labels) == 1
    assert change(Transition.TRANSITION_CLEANUP)
    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    wait_for(lambda: bench.probe.count_publishers("/openset/labels") == 0)
    assert change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert state() == State.PRIMARY_STATE_FINALIZED


def test_its_log_tells_what_was_done_to_it(bench, tiny_model, call, change):
    lines = bench.logged(LoggingSeverity.INFO)
    bench.start(model=str(tiny_model), autostart=False)
    for transition in (
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
    ):
        assert change(transition)
    for enabled in (False, True):
        assert call(SetBool, "enable", SetBool.Request(data=enabled)).success
    assert bench.set_parameters(threshold=0.25, smoothing=0.0) == ""
    assert bench.set_parameters(threshold=0.25) == ""
    expected = [
        f"model tiny on {'cpu' if CPU else 'cuda:0'}",
        *([f"device auto is the CPU: torch {torch.__version__} finds no CUDA device"] * CPU),
        "active: images are recognised",
        "inactive: images are dropped, the model stays",
        "unconfigured: the model is freed",
        "~/enable: disabled: frames are dropped",
        "~/enable: enabled",
        "parameter threshold is now 0.25",
    ]
    wait_for(lambda: len(lines) >= len(expected))
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start)


def test_a_chosen_cpu_is_no_news(bench, tiny_model):
    lines = bench.logged(LoggingSeverity.INFO)
    bench.start(model=str(tiny_model), device="cpu")
    wait_for(lambda: "active: images are recognised" in lines)
    assert not any("CUDA" in line for line in lines)


def test_a_failed_configure_says_why_and_is_repeated_after_the_cause_is_gone(
    bench, tiny_model, change, state
):
    errors = bench.errors()
    node = bench.start(model="no/such/model", autostart=False)
    diagnostics = bench.diagnostics()
    assert not change(Transition.TRANSITION_CONFIGURE)
    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    wait_for(lambda: errors)
    assert "configure failed: " in errors[0]
    assert "no/such/model" in errors[0]
    assert "no/such/model" in node.failure
    wait_for(lambda: diagnostics()["level"] == "2")
    assert "no/such/model" in diagnostics()["message"]
    assert bench.set_parameters(model=str(tiny_model)) == ""
    assert change(Transition.TRANSITION_CONFIGURE)
    assert change(Transition.TRANSITION_ACTIVATE)
    assert node.failure == ""
    # What nobody chose is now the model's own.
    own = Predictor.load(tiny_model, device="cpu")
    assert node.get_parameter("fusion").value == own.fusion
    assert node.get_parameter("resolution").value == own.resolution


def test_a_bad_device_and_a_bad_qos_leave_it_unconfigured(bench, tiny_model, change, state):
    bench.start(model=str(tiny_model), device="cuda:7", autostart=False)
    assert not change(Transition.TRANSITION_CONFIGURE)
    assert bench.set_parameters(device="cpu") == ""
    assert change(Transition.TRANSITION_CONFIGURE)
    assert state() == State.PRIMARY_STATE_INACTIVE
    assert "read when the node is configured" in bench.set_parameters(device="auto")


def test_fifty_lives_leave_nothing_behind(bench, tiny_model, rgb):
    """Threads and entities to the last one; memory within 40 MB after the first ten lives."""
    node = bench.start(model=str(tiny_model), autostart=False)
    camera_topic = "/image"

    def live() -> None:
        for trigger in (
            node.trigger_configure,
            node.trigger_activate,
            node.trigger_deactivate,
            node.trigger_cleanup,
        ):
            assert trigger() == TransitionCallbackReturn.SUCCESS

    def entities() -> tuple[int, ...]:
        gc.collect()
        return (
            threading.active_count(),
            len(list(node.publishers)),
            len(list(node.subscriptions)),
            len(list(node.services)),
            len(list(node.timers)),
        )

    before = entities()
    for _ in range(10):
        live()
    memory = resident_bytes()
    for _ in range(CYCLES - 10):
        live()
    # The threads of a predictor end a moment after it is gone.
    wait_for(lambda: entities() == before, f"what was there before, {before}")
    assert bench.probe.count_subscribers(camera_topic) == 0
    assert resident_bytes() - memory < 40 * 2**20


def test_enable_switches_recognition_off_and_on(bench, tiny_model, rgb, call):
    node = bench.start(model=str(tiny_model))
    labels = bench.subscribe_outputs("labels")["labels"]
    diagnostics = bench.diagnostics()
    camera = bench.camera()
    answer = call(SetBool, "enable", SetBool.Request(data=False))
    assert (answer.success, answer.message) == (True, "disabled: frames are dropped")
    camera.publish(bench.image(rgb))
    wait_for(lambda: frames_disabled(node) == 1)
    wait_for(lambda: diagnostics()["message"] == "disabled by ~/enable")
    assert diagnostics()["level"] == "0"
    assert labels == []
    assert call(SetBool, "enable", SetBool.Request(data=True)).message == "enabled"
    image = bench.image(rgb)
    camera.publish(image)
    wait_for(lambda: labels)
    assert labels[0].header == image.header


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
