"""A network that hangs, memory after a model, signals at every moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bag_of_frames import make_samples, write_bag
from bench import wait_for
from drill import OUTPUTS, assert_maps, picture
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import GetState

from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros import node as node_module
from ldn_openset_ros.ros import node_status

TIMEOUT = 120


class Hanging(Predictor):
    """A model whose network waits for `go_on`."""

    go_on = threading.Event()

    def infer_pixels(self, pixels, size):
        assert self.go_on.wait(TIMEOUT)
        return super().infer_pixels(pixels, size)


@pytest.fixture
def hanging(bench, tiny_model, monkeypatch):
    """Return a node whose network hangs with a frame in it, and what comes of the frames."""
    monkeypatch.setattr(node_module, "STOP_TIMEOUT", 0.3)
    monkeypatch.setattr(node_status, "LONG", 0.3)
    Hanging.go_on.set()
    node = bench.start(load=Hanging.load, model=str(tiny_model), autostart=False)
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    received = bench.subscribe_outputs(*OUTPUTS)
    camera = bench.camera()
    Hanging.go_on.clear()
    camera.publish(bench.image(picture(1)))
    wait_for(lambda: node._worker.busy_for(), "a frame in the network")
    yield node, camera, received
    Hanging.go_on.set()


def lifecycle_state(bench) -> int:
    request = GetState.Request()
    return bench.call(GetState, "/openset/get_state", request).current_state.id


def test_a_network_that_hangs_while_the_node_is_deactivated(bench, tiny_model, hanging):
    """It stays active and says so, and goes on with the next frame when the network does."""
    node, camera, received = hanging
    newest, errors = bench.diagnostics(), bench.errors()
    assert not bench.change_state(Transition.TRANSITION_DEACTIVATE)
    assert lifecycle_state(bench) == State.PRIMARY_STATE_ACTIVE
    assert node.state == "active"
    wait_for(lambda: errors)
    assert errors[0].startswith("deactivate failed: a frame has kept the network busy")
    wait_for(lambda: newest()["level"] == "2")
    assert newest()["message"].startswith("a frame has kept the network busy for")
    assert newest()["state"] == "active"

    Hanging.go_on.set()
    wait_for(lambda: received["labels"])
    image = bench.image(picture(0))
    camera.publish(image)
    for messages in received.values():
        wait_for(lambda m=messages: m[-1].header == image.header)
    maps = (received[name][-1] for name in OUTPUTS)
    assert_maps(*maps, Predictor.load(tiny_model, device="cpu")(picture(0)))
    wait_for(lambda: newest()["level"] == "0")
    assert bench.change_state(Transition.TRANSITION_DEACTIVATE)
    wait_for(lambda: newest()["state"] == "inactive")


def test_a_node_that_is_shut_down_says_so(bench, hanging):
    """Even where a busy thread still holds the model."""
    node, _, _ = hanging
    newest = bench.diagnostics()
    assert bench.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert lifecycle_state(bench) == State.PRIMARY_STATE_FINALIZED
    assert node.state == "finalized"
    wait_for(lambda: newest()["state"] == "finalized")
    assert (newest()["level"], newest()["message"]) == ("3", "finalized: start the node again")


LIVES = """
import sys, time
import numpy as np
from ldn_openset_ros.memory import keep_freed_memory
assert keep_freed_memory()
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.node import OpenSetNode

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20

rclpy.init(domain_id=int(sys.argv[1]))
own = {"autostart": False, "model": sys.argv[2], "backend": "torch"}
node = OpenSetNode(parameter_overrides=[Parameter(n, value=v) for n, v in own.items()])
probe = rclpy.create_node("probe")
overlays = []
probe.create_subscription(Image, "/openset/overlay", overlays.append, 1)
camera = probe.create_publisher(Image, "/image", 1)
executor = SingleThreadedExecutor()
executor.add_node(node)
executor.add_node(probe)
image = image_message(Image, np.zeros((480, 640, 3), np.uint8), "rgb8", Header())
print("unconfigured", resident(), flush=True)
for life in range(3):
    node.trigger_configure()
    node.trigger_activate()
    count = len(overlays)
    while len(overlays) < count + 2:
        camera.publish(image)
        executor.spin_once(timeout_sec=0.05)
        executor.spin_once(timeout_sec=0.05)
    overlays.clear()
    running = resident()
    node.trigger_deactivate()
    node.trigger_cleanup()
    print(running, resident(), flush=True)
"""


def test_what_a_model_took_is_free_after_cleanup(domain):
    """Within 130 MB of what it was before, where running takes hundreds; no more every time."""
    if not Path("/proc/self/statm").exists() or not hasattr(os, "confstr"):
        pytest.skip("needs Linux with glibc")
    command = [sys.executable, "-c", LIVES, str(domain), "camvid_lite0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    first, *lives = done.stdout.splitlines()
    unconfigured = int(first.split()[1])
    running, cleaned = np.array([line.split() for line in lives], int).T
    assert len(cleaned) == 3
    assert (running - unconfigured > 200).all(), done.stdout
    assert (cleaned - unconfigured < 130).all(), done.stdout
    assert cleaned[2] - cleaned[1] < 30, done.stdout


EXECUTABLES = {
    "openset_node": ("openset_node:main", []),
    "player": ("executables:player", ["loop:=true"]),
    "sample_camera": ("executables:sample_camera", []),
    "media_camera": ("executables:media_camera", ["loop:=true"]),
    "web_view": ("executables:web_view", ["port:=0"]),
}
CHORDS = [
    (signal.SIGINT,),
    (signal.SIGTERM,),
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM, signal.SIGINT),
]
MOMENTS = [0.0, 0.4, 0.9, 1.5, 4.0]
"""Seconds after the first line: imports, ROS and the model, at work."""
END = 10.0
"""Seconds; within two on a quiet machine, and far less than launch waits before it kills."""


def catches_signals(process: subprocess.Popen) -> bool:
    """Whether the first line of the executable is behind it."""
    assert process.poll() is None
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("name", EXECUTABLES)
def test_signals_at_every_moment_of_every_executable(name, domain, tiny_model, tmp_path):
    """No trace, exit code 0, whatever comes twice."""
    entry, own = EXECUTABLES[name]
    parameters = [*own, *sources(name, tiny_model, tmp_path)]
    module, function = entry.split(":")
    code = f"import sys; from ldn_openset_ros.ros.{module} import {function} as main; "
    options = [word for parameter in parameters for word in ("-p", parameter)]
    for number, moment in enumerate(MOMENTS):
        process = subprocess.Popen(
            [sys.executable, "-c", code + "sys.exit(main())", "--ros-args", *options],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            wait_for(lambda p=process: catches_signals(p))
            time.sleep(moment)
            assert process.poll() is None, process.communicate()
            sent = time.monotonic()
            for signal_number in CHORDS[number % len(CHORDS)]:
                process.send_signal(signal_number)
                time.sleep(0.005)
            output, _ = process.communicate(timeout=TIMEOUT)
            assert time.monotonic() - sent < END
            assert process.returncode == 0, output
            lines = [line for line in output.splitlines() if not line.startswith("[INFO]")]
            assert lines == [], (moment, output)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def sources(name: str, tiny_model: Path, tmp_path: Path) -> list[str]:
    """Return what a node needs to have something to do."""
    if name == "openset_node":
        return [f"model:={tiny_model}"]
    if name == "player":
        return [f"bag:={write_bag(tmp_path / 'drive', make_samples(3))}"]
    if name == "media_camera":
        cv2.imwrite(str(tmp_path / "picture.png"), picture(0))
        return [f"source:={tmp_path}"]
    return []


COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from ldn_openset_ros.cli.main import main
print("ready", flush=True)
sys.exit(main())
"""


def test_a_second_interrupt_of_a_command(tmp_path):
    """One line, exit code 1, at every moment."""
    words = ["make-bag", "--images", str(tmp_path / "pictures"), "-o", str(tmp_path / "bag")]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(300):
        cv2.imwrite(str(pictures / f"{number}.png"), picture(number, 240, 320))
    for moment in (0.3, 0.7, 1.2, 2.0):
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(moment)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        output, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode in (0, 1), output
        assert "Traceback" not in output, output
        assert ("interrupted\n" in output) == (process.returncode == 1)
