"""The node as a process: exit codes, signals, and large images from another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

import rclpy
from bench import LATCHED, RELIABLE, wait_for
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.environment import CHOSEN_BY_USER
from ldn_openset_ros.ros.images import decode_image, image_message

SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
UNRELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
TIMEOUT = 120
PROMPT = 10.0
"""Seconds within which a node ends after a signal: half a second on a quiet machine."""


@pytest.fixture
def run(domain):
    """Start the node with `name:=value` parameters; what still runs at the end is killed.

    without: environment variables that the node does not inherit.
    """
    processes = []

    def start(*parameters, without=()):
        command = [sys.executable, "-m", "ldn_openset_ros.ros.openset_node", "--ros-args"]
        command += [word for p in parameters for word in ("-p", p)]
        environment = {k: v for k, v in os.environ.items() if k not in without}
        process = subprocess.Popen(
            command,
            env={**environment, "ROS_DOMAIN_ID": str(domain)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # In the background of a shell this process has SIGINT ignored, and hands it on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def peer(domain):
    """A node in this process, spun by `spin`."""
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node = Node("peer", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin(condition, pace=0.05):
        def step():
            executor.spin_once(timeout_sec=pace)
            return condition()

        wait_for(step)

    node.spin = spin
    yield node
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context, uninstall_handlers=False)


def wait_until_ready(peer):
    """Wait for the legend, which the node publishes when it is up."""
    legends = []
    peer.create_subscription(String, "/openset/legend", legends.append, LATCHED)
    peer.spin(lambda: legends)


def assert_quiet_end(process, sent):
    output, _ = process.communicate(timeout=TIMEOUT)
    took = time.monotonic() - sent
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "ERROR" not in output
    return took


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (["model:=nothing_here"], "no model 'nothing_here': give a folder with model.yaml"),
        (["device:=cuda:99"], "device 'cuda:99' is not there"),
        (["threshold:=1.5"], "parameter threshold is out of range: give a value from 0 to 1"),
        (["threshold:=high"], "parameter threshold is 'high': give a value from 0 to 1 or calib"),
        (
            ["smoothing:=much"],
            "parameter smoothing has a wrong type: give a floating-point number",
        ),
        (["fusion:=magic"], "parameter fusion is 'magic': give one of op, msm"),
    ],
)
def test_an_unusable_start_is_one_line_and_exit_code_1(run, tiny_model, parameters, reason):
    process = run(f"model:={tiny_model}", *parameters)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    (line,) = output.splitlines()
    assert "[FATAL]" in line
    assert "[openset]: " in line
    assert reason in line


def test_broken_ros_arguments_are_no_trace(run):
    process = run("threshold:=[")
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "[FATAL] [openset]: ROS cannot start: " in output.splitlines()[-1]
    assert "Traceback" not in output


def test_a_keystore_without_the_node_is_one_line(run, monkeypatch, tmp_path):
    secure(monkeypatch, tmp_path)
    process = run()
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "[FATAL] [openset]: ROS cannot start: " in output.splitlines()[-1]
    assert f"directory '{tmp_path}/enclaves/openset' does not exist" in output
    assert "Traceback" not in output


def test_certificates_that_are_none_are_no_trace(run, monkeypatch, tmp_path):
    """Where Fast DDS is built without security, as on PyPI, that is the reason instead."""
    secure(monkeypatch, tmp_path)
    enclave = tmp_path / "enclaves" / "openset"
    enclave.mkdir(parents=True)
    for name in (
        *("identity_ca.cert.pem", "cert.pem", "key.pem", "permissions_ca.cert.pem"),
        *("governance.p7s", "permissions.p7s"),
    ):
        (enclave / name).write_text("no certificate")
    process = run()
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "[openset]: ROS cannot make the node: " in output.splitlines()[-1]
    assert "Traceback" not in output


def secure(monkeypatch, keystore):
    """Start nodes with DDS security, in the enclave of doc/security.md."""
    monkeypatch.setenv("ROS_SECURITY_KEYSTORE", str(keystore))
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
    monkeypatch.setenv("ROS_SECURITY_ENCLAVE_OVERRIDE", "/openset")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_an_idle_node(run, peer, tiny_model, number):
    process = run(f"model:={tiny_model}")
    wait_until_ready(peer)
    sent = time.monotonic()
    process.send_signal(number)
    assert assert_quiet_end(process, sent) < PROMPT


@pytest.mark.parametrize("pause", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_node_that_is_starting(run, tiny_model, number, pause):
    process = run(f"model:={tiny_model}")
    wait_for(lambda: "librmw_fastrtps" in maps_of(process), "the middleware in the process")
    time.sleep(pause)
    process.send_signal(number)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode in (0, -number), output
    assert "FATAL" not in output


def maps_of(process):
    with open(f"/proc/{process.pid}/maps") as maps:
        return maps.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_node_in_the_middle_of_a_slow_frame(run, peer, tiny_model, number):
    """A frame of 6 megapixels keeps the network busy for seconds."""
    process = run(f"model:={tiny_model}")
    labels = []
    peer.create_subscription(Image, "/openset/labels", labels.append, RELIABLE)
    camera = peer.create_publisher(Image, "/image", RELIABLE)
    wait_until_ready(peer)
    peer.spin(lambda: camera.get_subscription_count() and peer.count_publishers("/openset/labels"))
    before = cpu_seconds(process)
    grey = np.zeros((2000, 3000), np.uint8)

    def publish():
        camera.publish(image_message(Image, grey, "mono8", Header(frame_id="camera")))

    # The first frame may find the connection half made.
    peer.spin(lambda: publish() or cpu_seconds(process) > before + 0.5, pace=0.3)
    sent = time.monotonic()
    process.send_signal(number)
    assert assert_quiet_end(process, sent) < PROMPT
    peer.spin(lambda: True)
    assert not labels, "it did not wait for the end of the frame"


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_large_best_effort_images_arrive_from_another_process(run, peer, tiny_model):
    """20 frames of 2048x1024 at 10 Hz; the node's environment has no profile at first."""
    process = run(f"model:={tiny_model}", "resolution:=32", without=CHOSEN_BY_USER)
    overlays, diagnostics = [], []
    peer.create_subscription(Image, "/openset/overlay", overlays.append, UNRELIABLE)
    peer.create_subscription(DiagnosticArray, "/diagnostics", diagnostics.append, RELIABLE)
    camera = peer.create_publisher(Image, "/image", SENSOR)
    wait_until_ready(peer)
    rgb = np.random.default_rng(0).integers(0, 256, (1024, 2048, 3)).astype(np.uint8)

    def publish(name):
        camera.publish(image_message(Image, rgb, "rgb8", Header(frame_id=name)))

    def count(outcome):
        values = {v.key: v.value for v in diagnostics[-1].status[0].values}
        return int(values[f"frames_{outcome}"])

    # The first frames may find connections half made.
    peer.spin(lambda: publish("warm up") or overlays, pace=0.5)
    end = time.monotonic() + 3
    peer.spin(lambda: time.monotonic() > end)
    received, processed = count("received"), count("processed")
    overlays.clear()
    for index in range(20):
        publish(str(index))
        end = time.monotonic() + 0.1
        peer.spin(lambda e=end: time.monotonic() >= e, pace=0.01)
    end = time.monotonic() + 3
    peer.spin(lambda: time.monotonic() > end)

    # All 20 arrive on a quiet machine. On a busy one the receiving process may be held up for
    # longer than a frame's time, and with a queue of one the newer frame then replaces the older.
    assert 16 <= count("received") - received <= 20
    assert 0 <= count("processed") - processed - len(overlays) <= 1
    names = [message.header.frame_id for message in overlays]
    assert [int(name) for name in names] == sorted({int(name) for name in names})
    assert int(names[-1]) >= 16
    predictor = Predictor.load(tiny_model, device="cpu", resolution=32)
    expected = blend_overlay(rgb, predictor(rgb).open_set, predictor.taxonomy, 0.5)
    np.testing.assert_array_equal(decode_image(overlays[-1]), expected)
    process.send_signal(signal.SIGINT)
    assert_quiet_end(process, time.monotonic())
