"""Every launch file runs, its output has the right pixels and headers, and it ends cleanly."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import socket
import time
import urllib.request

import numpy as np
import pytest

# Submodules, since a plain `import launch` would find this repository's folder of that name.
pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")
pytest.importorskip("launch.actions", reason="needs launch: install ROS 2")
pytest.importorskip("launch_ros.actions", reason="needs launch_ros: install ROS 2")
pytest.importorskip("launch_testing.asserts", reason="needs launch_testing: install ROS 2")

from diagnostic_msgs.msg import DiagnosticArray
from peer import Peer
from scenarios import SCENARIOS
from sensor_msgs.msg import CameraInfo

from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.resources import share_directory
from ldn_openset_ros.ros.child import has_ended
from ldn_openset_ros.ros.environment import fast_dds_profile
from ldn_openset_ros.ros.images import decode_map
from ldn_openset_ros.ros.launch_arguments import read_arguments
from ldn_openset_ros.ros.parameters import PARAMETERS

TIMEOUT = 240
FRAMES = 6
SECOND = 1_000_000_000


def frame(index):
    rng = np.random.default_rng(index)
    return rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)


@pytest.fixture
def bag(tmp_path):
    """Six frames at 2 Hz, stamped from 100 s."""
    path = tmp_path / "bag"
    with BagWriter(path) as writer:
        for index in range(FRAMES):
            writer.write(Sample(str(index), frame(index)), 100 * SECOND + index * SECOND // 2)
    return path


def exit_codes(output):
    """Return the exit codes of launched processes by name, as launch reports them."""
    codes = dict.fromkeys(re.findall(r"\[(\w+)-\d+\]: process started", output))
    codes |= dict.fromkeys(re.findall(r"\[(\w+)-\d+\]: process has finished cleanly", output), 0)
    died = re.findall(r"\[(\w+)-\d+\]: process has died \[pid \d+, exit code (-?\d+)", output)
    return codes | {name: int(code) for name, code in died}


def stamp(message):
    return message.header.stamp.sec, message.header.stamp.nanosec


def interrupt(process):
    """Send SIGINT to the whole process group, as a terminal does on Ctrl-C."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(launch_test, tiny_model, tmp_path, scenario):
    launch_test("check_scenario.py", scenario=scenario, model=tiny_model, folder=tmp_path)


def tables():
    """Return (launch file, its arguments, name) for every argument that one declares."""
    for path in sorted((share_directory() / "launch").glob("*.launch.py")):
        arguments = runpy.run_path(str(path))["ARGUMENTS"]
        yield from (pytest.param(arguments, name, id=f"{path.stem}-{name}") for name in arguments)


@pytest.mark.parametrize(("arguments", "name"), tables())
def test_every_declared_argument_is_checked(arguments, name):
    argument = arguments[name]
    if argument.default is not None:
        read_arguments({name: argument}, {name: argument.default})
    if argument.default != "":
        with pytest.raises(OpenSetError, match=f"^launch argument {name}"):
            read_arguments({name: argument}, {name: ""})
    # The rest is any text, which the node itself knows how to refuse.
    if name not in ("model", "device", "obstacle_frame", "web_host"):
        with pytest.raises(OpenSetError, match=f"^launch argument {name}"):
            read_arguments({name: argument}, {name: "\0no such thing"})


def test_every_parameter_of_the_node_is_an_argument():
    path = share_directory() / "launch" / "camera.launch.py"
    assert set(PARAMETERS) <= set(runpy.run_path(str(path))["ARGUMENTS"])


@pytest.mark.parametrize(
    ("file", "arguments", "reason"),
    [
        ("camera", {"rviz": "maybe"}, "launch argument rviz is 'maybe': give true or false"),
        ("camera", {"rviz": "true"}, "the package rviz2 is not installed: install it, or give"),
        ("camera", {"web_port": "x"}, "web_port is 'x': give a whole number from 0 to 65535"),
        ("camera", {"params_file": "/nope.yaml"}, "cannot read /nope.yaml: No such file or dir"),
        ("camera", {"fusoin": "msm"}, "no launch argument fusoin: did you mean fusion?"),
        ("multi_camera", {"cameras": "a", "thresold": "1"}, "did you mean threshold?"),
        ("demo", {"rate": "fast"}, "launch argument rate is 'fast': give a number from 0.1"),
        ("demo", {"web_view": "maybe"}, "web_view is 'maybe': give true or false"),
        ("demo", {"heigth": "64"}, "no launch argument heigth: did you mean height?"),
        ("replay", {"bag": "/nowhere/drive"}, "bag is '/nowhere/drive': give the folder of a bag"),
        ("replay", {"bag": "/", "resolution": "4.5"}, "resolution is '4.5': give a whole number"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_starts(launch, file, arguments, reason):
    process = launch(f"{file}.launch.py", **arguments)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert reason in output
    assert "Traceback" not in output
    assert exit_codes(output) == {}, "something was started"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("moment", ["process started", "images from"])
def test_no_process_outlives_a_launch_that_dies(launch, tiny_model, name, moment):
    process = launch("camera.launch.py", model=tiny_model, web_view="true", web_port=0)
    started = {}
    for line in process.stdout:
        started |= dict(re.findall(r"\[(\w+)-\d+\]: process started with pid \[(\d+)\]", line))
        if len(started) == 2 and moment in line:
            break
    assert set(started) == {"openset_node", "web_view"}
    process.send_signal(getattr(signal, name))
    process.wait(TIMEOUT)
    deadline = time.monotonic() + TIMEOUT
    while not all(has_ended(int(pid)) for pid in started.values()):
        assert time.monotonic() < deadline, "a process was left behind"
        time.sleep(0.05)


def test_several_cameras_need_names(launch):
    process = launch("multi_camera.launch.py")
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "'cameras'" in output
    assert exit_codes(output) == {}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            {"cameras": "front rear", "image": "/camera/image_raw"},
            "image is /camera/image_raw for 2 cameras: write {camera} where the name of the",
        ),
        ({"cameras": "front-left"}, "parameter cameras is ['front-left']: give names of letters"),
        ({"cameras": ","}, "image is /{camera}/image_raw, but no camera has a name: give names"),
    ],
)
def test_cameras_that_cannot_be_told_apart_are_refused(launch, arguments, reason):
    process = launch("multi_camera.launch.py", **arguments)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert reason in output
    assert "Traceback" not in output
    assert exit_codes(output) == {}


@pytest.mark.usefixtures("rviz")
def test_rviz_shows_the_topics_of_every_launched_camera(launch, tiny_model):
    process = launch(
        "multi_camera.launch.py",
        cameras="front rear",
        namespace="robot",
        model=tiny_model,
        log_level="warn",
        rviz="true",
    )
    with Peer() as peer:
        started = peer.messages(DiagnosticArray, "/diagnostics")
        peer.spin_until(lambda: started)
    interrupt(process)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert exit_codes(output) == {"openset_node": 0, "rviz2": 0}, output
    (shown,) = re.findall(r"shown: (.*)", output)
    outputs = ("overlay", "markers", "obstacles", "outlier_probability", "open_set")
    assert shown.split() == [
        topic
        for camera in ("front", "rear")
        for topic in (
            f"/{camera}/image_raw",
            *(f"/robot/openset/{camera}/{name}" for name in outputs),
        )
    ]
    assert "images from" not in output, "log_level reaches the node"


def test_replay_shows_the_bag_and_ends_with_it(launch, tiny_model, bag):
    with Peer() as peer:
        labels = peer.images("/openset/labels")
        process = launch("replay.launch.py", bag=bag, model=tiny_model)
        peer.spin_until(lambda: process.poll() is not None)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, output
    assert exit_codes(output) == {"openset_node": 0, "player": 0}
    assert "Traceback" not in output

    predictor = Predictor.load(tiny_model, device="cpu")
    # On a busy machine a newer frame may replace an older one.
    assert FRAMES // 2 <= len(labels) <= FRAMES
    for image in labels:
        nanoseconds = image.header.stamp.sec * SECOND + image.header.stamp.nanosec
        index, rest = divmod(nanoseconds - 100 * SECOND, SECOND // 2)
        assert rest == 0
        assert image.header.frame_id == "camera_optical_frame"
        np.testing.assert_array_equal(decode_map(image), predictor(frame(index)).labels)


def test_replay_loops_until_it_is_interrupted(launch, tiny_model, bag):
    with Peer() as peer:
        labels = peer.images("/openset/labels")
        process = launch("replay.launch.py", bag=bag, model=tiny_model, loop="true", rate="4")
        peer.spin_until(lambda: len(labels) > FRAMES)
        interrupt(process)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert exit_codes(output) == {"openset_node": 0, "player": 0}, output
    assert "Traceback" not in output


def test_replay_ends_where_the_node_cannot_start(launch, bag):
    process = launch("replay.launch.py", bag=bag, model="nothing_here")
    output, _ = process.communicate(timeout=TIMEOUT)
    assert "no model 'nothing_here': give a folder" in output
    assert exit_codes(output) == {"openset_node": 1, "player": 0}, output


def test_replay_needs_a_bag(launch):
    output, _ = launch("replay.launch.py").communicate(timeout=TIMEOUT)
    assert "'bag'" in output
    assert exit_codes(output) == {}


def test_demo_shows_rendered_scenes(launch, tiny_model):
    with Peer() as peer:
        frames = peer.images("/camera/image_raw")
        overlays = peer.images("/openset/overlay")
        process = launch("demo.launch.py", model=tiny_model, width=96, height=64, rate=5)
        peer.spin_until(lambda: len(overlays) >= 3 or process.poll() is not None)
        interrupt(process)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert exit_codes(output) == {"openset_node": 0, "sample_camera": 0}, output
    assert "Traceback" not in output
    assert len(overlays) >= 3
    headers = {stamp(image) for image in frames}
    for image in overlays:
        assert (image.height, image.width, image.encoding) == (64, 96, "rgb8")
        assert stamp(image) in headers


def test_the_camera_of_the_demo_moves_with_the_topics_of_the_node(launch, tiny_model):
    with Peer() as peer:
        frames = peer.images("/front/rgb")
        infos = peer.messages(CameraInfo, "/front/info")
        overlays = peer.images("/openset/overlay")
        process = launch(
            "demo.launch.py",
            model=tiny_model,
            image="/front/rgb",
            camera_info="/front/info",
            width=96,
            height=64,
        )
        peer.spin_until(lambda: len(overlays) >= 2 or process.poll() is not None)
        assert not peer.node.count_publishers("/camera/image_raw")
        assert not peer.node.count_publishers("/camera/camera_info")
        interrupt(process)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert exit_codes(output) == {"openset_node": 0, "sample_camera": 0}, output
    assert infos
    assert {stamp(image) for image in overlays} <= {stamp(image) for image in frames}


def test_demos_in_namespaces_do_not_mix_and_share_no_port(launch, tiny_model):
    """The second web view finds its port taken, says so in one line, and all else goes on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sizes = {"a": (64, 96), "b": (80, 128)}
    with Peer() as peer:
        frames = {name: peer.images(f"/{name}/camera/image_raw") for name in sizes}
        overlays = {name: peer.images(f"/{name}/openset/overlay") for name in sizes}
        processes = {}
        for name, (height, width) in sizes.items():
            processes[name] = launch(
                "demo.launch.py",
                model=tiny_model,
                namespace=name,
                width=width,
                height=height,
                web_view="true",
                web_port=port,
            )
        peer.spin_until(
            lambda: (
                all(len(overlays[name]) >= 3 and len(frames[name]) >= 3 for name in sizes)
                or any(process.poll() is not None for process in processes.values())
            )
        )
        topics = {topic for topic, _ in peer.node.get_topic_names_and_types()}
        for process in processes.values():
            interrupt(process)
        outputs = {
            name: process.communicate(timeout=TIMEOUT)[0] for name, process in processes.items()
        }
    assert not [t for t in topics if t.startswith(("/camera", "/ground_truth"))]
    for name, size in sizes.items():
        for images in (frames[name], overlays[name]):
            assert {(image.height, image.width) for image in images} == {size}
    codes = [exit_codes(output) for output in outputs.values()]
    assert sorted(code.pop("web_view") for code in codes) == [0, 1], outputs
    assert codes == [{"openset_node": 0, "sample_camera": 0}] * 2, outputs
    refused = [output for output in outputs.values() if "cannot listen on" in output]
    assert len(refused) == 1
    (line,) = re.findall(r".*openset_web.*", refused[0])
    assert f"port {port}: Address already in use" in line
    assert "give another parameter port (0 = any free one) or host" in line
    assert "Traceback" not in "".join(outputs.values())


def test_launched_processes_get_the_profile_for_large_images(launch, tiny_model):
    assert fast_dds_profile(), "this process has no profile of its own"
    process = launch("camera.launch.py", model=tiny_model)
    for line in process.stdout:
        if "images from /camera/image_raw" in line:
            break
    (child,) = children(process.pid)
    with open(f"/proc/{child}/environ") as environ:
        variables = dict(entry.split("=", 1) for entry in environ.read().split("\0") if entry)
    assert fast_dds_profile().items() <= variables.items()
    interrupt(process)
    process.communicate(timeout=TIMEOUT)


def test_the_web_view_shows_the_launched_node(launch, tiny_model):
    process = launch(
        "camera.launch.py", model=tiny_model, namespace="robot", web_view="true", web_port=0
    )
    for line in process.stdout:
        assert "process has died" not in line
        if "web view of" in line:
            break
    view, url = line.strip().split(" at ")
    assert view.endswith("web view of /robot/openset")
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(url) as page:
        assert b"<title>Open-set recognition, live</title>" in page.read()
    controls = None
    while controls is None:
        with urllib.request.urlopen(f"{url}state") as state:
            controls = json.load(state)["controls"]
    assert controls["threshold"] == 0.5
    interrupt(process)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert exit_codes(line + output) == {"openset_node": 0, "web_view": 0}, output
    assert "Traceback" not in output


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        return [int(word) for word in listed.read().split()]
