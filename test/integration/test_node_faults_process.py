"""A node that is killed, and disks that are full."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bag_of_frames import make_samples, write_bag
from bench import LATCHED, wait_for
from drill import OUTPUTS, assert_maps, picture
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import Image
from std_msgs.msg import String

from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.child import PARENT_VARIABLE, has_ended
from ldn_openset_ros.ros.environment import SMALL
from ldn_openset_ros.ros.shared_memory import MIN_AGE

TIMEOUT = 120
SPACE = 2**20
"""Bytes of a disk that is soon full."""


def segments(process: subprocess.Popen) -> list[Path]:
    """Return the shared-memory segments that a process holds the locks of."""
    files = [path.readlink() for path in Path(f"/proc/{process.pid}/fd").iterdir()]
    locks = [path for path in files if re.fullmatch("fast(dds|rtps)_[0-9a-f]{16}_el", path.name)]
    return [path.with_name(path.name.removesuffix("_el")) for path in locks]


def test_a_node_that_is_killed_and_started_again(bench, start_module, tiny_model):
    """Subscribers get frames again, and the memory it leaves is given back."""
    predictor = Predictor.load(tiny_model, device="cpu")
    legends: list = []
    bench.probe.create_subscription(String, "/openset/legend", legends.append, LATCHED)
    received: dict[str, list] = {name: [] for name in OUTPUTS}
    for name, messages in received.items():
        bench.probe.create_subscription(Image, f"/openset/{name}", messages.append, 10)
    camera = bench.probe.create_publisher(Image, "/image", 1)
    left_behind: list[Path] = []
    for life in range(1, 4):
        process = start_module("openset_node", f"model:={tiny_model}")
        wait_for(lambda n=life: len(legends) == n, "the legend")
        assert not any(path.exists() for path in left_behind)
        for messages in received.values():
            messages.clear()
        both, sent = list(received.values()), []

        def answered(sent=sent, both=both):
            sent.append(bench.image(picture(0)))
            camera.publish(sent[-1])
            time.sleep(0.1)
            # The connections of the outputs are made one by one.
            return all(received.values()) and len({m[-1].header.stamp.sec for m in both}) == 1

        wait_for(answered)
        maps = [messages[-1] for messages in both]
        assert maps[0].header == maps[1].header
        assert maps[0].header in [image.header for image in sent]
        assert_maps(*maps, predictor(picture(0)))

        left_behind = segments(process)
        process.send_signal(signal.SIGKILL)
        assert process.wait(TIMEOUT) == -signal.SIGKILL
        assert sum(path.stat().st_size for path in left_behind) > SMALL.mebibytes * 2**20
        for path in left_behind:  # as if MIN_AGE had passed
            then = path.stat().st_mtime - 2 * MIN_AGE
            os.utime(path, (then, then))


LAUNCH = """
import os, subprocess, sys
os.environ[sys.argv[1]] = str(os.getpid())
child = subprocess.Popen(sys.argv[2:])
print(child.pid, flush=True)
child.wait()
"""
"""What launch is to a node: the parent that is named to it."""


def test_a_launch_that_is_killed(bench, domain, tiny_model):
    """The node ends with it, whether it was up or still importing."""
    node = (sys.executable, "-m", "ldn_openset_ros.ros.openset_node")
    arguments = ("--ros-args", "-p", f"model:={tiny_model}")
    legends: list = []
    bench.probe.create_subscription(String, "/openset/legend", legends.append, LATCHED)
    for is_up in (False, True):
        launch = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, PARENT_VARIABLE, *node, *arguments],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stdout=subprocess.PIPE,
            text=True,
        )
        pid = int(launch.stdout.readline())
        wait_for(lambda up=is_up: len(legends) >= up, "the node")
        launch.kill()
        # Before anybody takes its exit code.
        wait_for(lambda pid=pid: has_ended(pid), "the end of the node")
        launch.communicate()
    assert len(legends) == 1


def test_a_malformed_request_to_set_a_parameter(bench, start_module, tiny_model):
    """rclpy's own service raises what a type of parameter that does not exist makes it raise."""
    process = start_module("openset_node", f"model:={tiny_model}")
    client = bench.probe.create_client(SetParameters, "/openset/set_parameters")
    wait_for(client.service_is_ready, "the node")
    good = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=0.25)
    answers = []
    for value in (ParameterValue(type=99), good):
        parameters = [Parameter(name="threshold", value=value)]
        answers.append(client.call_async(SetParameters.Request(parameters=parameters)))
    wait_for(answers[1].done, "an answer")
    assert answers[1].result().results[0].successful
    assert not answers[0].done()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    assert errors.count("a malformed request is dropped: 99 is not a valid Parameter") == 1
    assert "Traceback" not in errors


@pytest.fixture
def full_disk(tmp_path):
    """A folder in which SPACE bytes find room, and what a child process does at its start.

    Where no file system may be mounted, the child may write no file of more bytes.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield folder, None if mounted else limit_files
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE, SPACE))


@pytest.fixture
def command(full_disk):
    """Return a function that runs `ldn-openset` and gives its exit code and error output."""
    _, preexec = full_disk

    def run(*arguments) -> tuple[int, str]:
        words = [sys.executable, "-m", "ldn_openset_ros.cli.main", *map(str, arguments)]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=TIMEOUT, preexec_fn=preexec, check=False
        )
        return done.returncode, done.stderr

    return run


NO_SPACE = (os.strerror(errno.ENOSPC), os.strerror(errno.EFBIG), "disk is full", "disk I/O error")


def assert_one_error(code: int, errors: str, path: Path) -> None:
    assert code == 1
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert str(path) in line
    assert any(reason in line for reason in NO_SPACE), line
    assert "Traceback" not in errors


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_recording_onto_a_full_disk(command, full_disk, tmp_path, storage):
    disk, _ = full_disk
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    for number in range(10):  # 1.8 MB
        cv2.imwrite(str(pictures / f"{number}.png"), noise)
    earlier = write_bag(disk / "earlier", make_samples(2), storage)
    code, errors = command(
        "make-bag", "--images", pictures, "-o", disk / "drive", "--storage", storage
    )
    assert_one_error(code, errors, disk / "drive")
    assert [path.name for path in disk.iterdir()] == ["earlier"], "no half of a bag is left"
    with BagReader(earlier) as reader:
        topics = {name: topic.count for name, topic in reader.topics.items()}
    assert topics["/camera/image_raw"] == 2


def test_the_outputs_of_an_evaluation_onto_a_full_disk(command, full_disk, tiny_model, tmp_path):
    disk, _ = full_disk
    bag = write_bag(tmp_path / "drive", make_samples(60))
    code, errors = command(
        *("evaluate-bag", bag, "--model", tiny_model, "--device", "cpu", "--replicates", 10),
        *("-o", tmp_path / "results", "--output-bag", disk / "outputs"),
    )
    assert_one_error(code, errors, disk / "outputs")
    assert list(disk.iterdir()) == [], "no half of a bag is left"
    with BagReader(bag) as reader:
        assert reader.topics["/camera/image_raw"].count == 60


def test_the_results_of_an_evaluation_onto_a_full_disk(command, full_disk, tiny_model, tmp_path):
    disk, _ = full_disk
    (disk / "other").write_bytes(bytes(SPACE - 40_000))
    bag = write_bag(tmp_path / "drive", make_samples(40))
    code, errors = command(
        *("evaluate-bag", bag, "--model", tiny_model, "--device", "cpu", "--replicates", 10),
        *("-o", disk / "results"),
    )
    assert_one_error(code, errors, disk / "results")
