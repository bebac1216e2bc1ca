"""Messages that get lost on their way, do not come at all, or came before the node did."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import LATCHED, RELIABLE, wait_for
from drill import Drill, picture
from rclpy import event_handler
from rclpy.event_handler import QoSSubscriptionEventType, UnsupportedEventTypeError
from rclpy.logging import LoggingSeverity
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ldn_openset_ros.ros import silence
from ldn_openset_ros.ros.environment import CHOSEN_BY_USER, SMALL

STREAM = Path(__file__).with_name("hd_stream.py")
FRAMES = 60
TIMEOUT = 120
MESSAGE_LOST = QoSSubscriptionEventType.RCL_SUBSCRIPTION_MESSAGE_LOST


@pytest.fixture
def foreign_camera(domain):
    """A process that publishes FRAMES HD images reliably, by the defaults of Fast DDS."""
    others = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_USER}
    environment = {
        **others,
        "ROS_DOMAIN_ID": str(domain),
        "FASTDDS_BUILTIN_TRANSPORTS": "DEFAULT",  # chosen, so that ours is not set
    }
    command = [sys.executable, str(STREAM), "camera", str(FRAMES)]
    with subprocess.Popen(command, env=environment) as process:
        yield process
        process.kill()


def test_a_camera_whose_images_get_lost(bench, foreign_camera, tiny_model):
    """It has not our profile: DDS knows what is lost, and the node tells it with the remedy."""
    bench.start(model=str(tiny_model))
    newest = bench.diagnostics()
    warnings = bench.logged(LoggingSeverity.WARN)
    wait_for(lambda: float(newest()["messages_lost"]) > 10)
    status = newest()
    assert status["level"] == "1"
    assert re.search(
        r"\d+ messages of /image lost on the way in 5 s: start what", status["message"]
    )
    remedy = (
        r"start what publishes it with FAST(DDS|RTPS)_DEFAULT_PROFILES_FILE=\S+\.xml, or set our "
        r"qos_overrides\./image\.subscription\.reliability to reliable"
    )
    assert re.search(remedy, status["message"])
    assert foreign_camera.wait(TIMEOUT) == 0
    status = wait_for(lambda: s if (s := newest())["rate_in_hz"] == "0.00" else None)
    lost, received = int(status["messages_lost"]), int(status["frames_received"])
    assert lost + received <= FRAMES
    assert lost > received
    (line,) = [line for line in warnings if "lost" in line]
    assert re.fullmatch(f"/image: messages are lost on the way: {remedy}", line)


def test_a_reliable_subscription_loses_nothing(bench, foreign_camera, tiny_model):
    """To a reliable camera without our profile, by qos_overrides."""
    prefix = "qos_overrides./image.subscription"
    overrides = {f"{prefix}.reliability": "reliable", f"{prefix}.depth": FRAMES}
    bench.start(model=str(tiny_model), **overrides)
    newest = bench.diagnostics()
    assert foreign_camera.wait(TIMEOUT) == 0
    wait_for(lambda: int(newest()["frames_received"]) == FRAMES)
    assert newest()["messages_lost"] == "0"
    assert newest()["level"] == "0"


def test_a_middleware_that_does_not_tell_what_it_loses(bench, tiny_model, monkeypatch):
    """Not all of them know the event: nothing is counted, everything else goes on."""

    class Handler(event_handler.EventHandler):
        def __init__(self, *, event_type, **arguments):
            if event_type == MESSAGE_LOST:
                raise UnsupportedEventTypeError("not here")
            super().__init__(event_type=event_type, **arguments)

    monkeypatch.setattr(event_handler, "EventHandler", Handler)
    drill = Drill(bench, tiny_model)
    drill.recover()
    assert drill.values()["messages_lost"] == "nan"
    newest = bench.diagnostics()
    wait_for(lambda: newest()["frames_processed"] == "1")
    assert newest()["level"] == "0"


@pytest.fixture
def small_memory(domain):
    """Return a function that runs a shell line in a /dev/shm of so many MiB; skip if refused.

    It returns what the line writes to standard output and to standard error.
    """
    others = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_USER}
    mount = "mount -t tmpfs -o size={}m tmpfs /dev/shm"
    for options in (["-m"], ["-r", "-m"]):
        refused = subprocess.run(
            ["unshare", *options, "sh", "-c", mount.format(1)], capture_output=True, check=False
        )
        if refused.returncode == 0:
            break
    else:
        pytest.skip(f"a /dev/shm of one's own is refused here: {refused.stderr.decode().strip()}")

    def run(mebibytes: int, line: str) -> tuple[str, str]:
        done = subprocess.run(
            ["unshare", *options, "sh", "-c", f"{mount.format(mebibytes)} && {line}"],
            env={**others, "ROS_DOMAIN_ID": str(domain), "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


def test_a_container_with_little_shared_memory(small_memory):
    """Docker's 64 MB: camera and subscriber take the small segment, and images arrive."""
    count, told = small_memory(
        64, f"{{ $PYTHON {STREAM} camera 20 & $PYTHON {STREAM} subscriber 20 && wait; }}"
    )
    assert told.count(f"images pass through {SMALL.mebibytes} MiB of shared memory; /dev/shm") == 2
    assert "Failed to create segment" not in told
    # All on a quiet machine; with the segment that finds no room it was 1 of 40.
    assert int(count) >= 18


def test_a_container_with_no_shared_memory_to_speak_of(small_memory):
    _, told = small_memory(8, f"$PYTHON {STREAM} subscriber 0")
    (line,) = [line for line in told.splitlines() if "[WARN]" in line]
    assert line.endswith(
        "/dev/shm has 8 MiB free and this process needs 18 for images, most of which will be "
        "lost: make room, or start the container with --shm-size=256m"
    )


@pytest.fixture
def impatient(monkeypatch):
    """Have the node tell after a second what it otherwise tells after five."""
    monkeypatch.setattr(silence, "PATIENCE", 1.0)


def test_images_that_are_published_elsewhere(bench, tiny_model, impatient):
    """The node names the topic it waits for and those of its type, but for its own."""
    for topic in ("/robot/image_raw", "/camera/image_raw"):
        bench.probe.create_publisher(Image, topic, RELIABLE)
    bench.probe.create_publisher(CompressedImage, "/camera/image_raw/compressed", RELIABLE)
    bench.start("--ros-args", "-r", "image:=/camera/image", model=str(tiny_model))
    warnings = bench.logged(LoggingSeverity.WARN)
    wait_for(lambda: warnings)
    newest = bench.diagnostics()
    wait_for(lambda: newest()["level"] == "1")
    assert newest()["message"].startswith("no image in the last 5 s")
    camera = bench.camera(topic="/camera/image")
    lines = bench.logged(LoggingSeverity.INFO)

    def came():
        camera.publish(bench.image(picture(0)))
        return [line for line in lines if line.startswith("/camera/image:")]

    wait_for(lambda: "/camera/image: images come" in came())
    assert warnings == [
        "/camera/image: no image has come: nobody publishes it; sensor_msgs/msg/Image is on "
        "/camera/image_raw, /robot/image_raw: remap image to its topic"
    ], "and once in a while only"


def test_a_camera_that_dies_and_comes_back(bench, tiny_model, impatient):
    drill = Drill(bench, tiny_model)
    warnings = bench.logged(LoggingSeverity.WARN)
    lines = bench.logged(LoggingSeverity.INFO)
    drill.recover()
    drill.recover()
    bench.probe.destroy_publisher(drill.camera)
    stopped = (
        "/image: no more images come: nobody publishes it, nor any other sensor_msgs/msg/Image"
    )
    wait_for(lambda: any(line.startswith(stopped) for line in warnings))
    drill.recover(camera=bench.camera())
    wait_for(lambda: "/image: images come" in lines)
    assert sum(line.startswith("/image: no more images come") for line in warnings) == 1


def test_a_calibration_from_before_the_node(bench, tiny_model):
    """Published once and kept, as some drivers do; ordinary drivers are told of no misfit."""
    early = CameraInfo(header=bench.header(), width=96, height=64)
    keeper = bench.probe.create_publisher(CameraInfo, "/camera_info", LATCHED)
    keeper.publish(early)
    drill = Drill(bench, tiny_model)
    newest = bench.diagnostics()
    passed = bench.subscribe(CameraInfo, "/openset/camera_info")

    def came():
        drill.recover()
        return passed

    wait_for(came)
    assert passed[0].width == 96
    assert passed[0].header in drill.sent
    # Later ones of others come by the ordinary subscription.
    bench.camera(CameraInfo, "/camera_info").publish(CameraInfo(width=96, height=64, d=[0.5]))

    def changed():
        drill.recover()
        return passed[-1].d.tolist() == [0.5]

    wait_for(changed)
    wait_for(lambda: newest()["frames_processed"] == str(len(drill.sent)))
    assert newest()["incompatible_qos"] == ""
