"""The player as a process, over real DDS: every message arrives, in time, as it was recorded."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy (ROS 2 or its wheels)")

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import PinholeCamera, Sample
from ldn_openset_ros.ros.images import decode_compressed, decode_image, decode_map
from ldn_openset_ros.ros.player import Pace, awaited_topics, message_class

IMAGE = "/camera/image_raw"
COMPRESSED = "/camera/image_raw/compressed"
CAMERA_INFO = "/camera/camera_info"
OUTLIER = "/ground_truth/outlier"
COUNT, RATE = 8, 10.0
START_NS = 1_000_000_000
RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
TIMEOUT = 60.0


def make_sample(index):
    rng = np.random.default_rng(index)
    rgb = rng.integers(0, 256, (240, 320, 3), np.uint8)
    outlier = rng.choice([0, 1, 255], (240, 320)).astype(np.uint8)
    camera = PinholeCamera(320, 240, 300.0, 300.0, 159.5, 119.5)
    return Sample(str(index), rgb, outlier=outlier, camera=camera)


def stamp_of(index):
    return START_NS + round(index * 1e9 / RATE)


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp("bags") / "drive"
    with BagWriter(path) as writer:
        for index in range(COUNT):
            writer.write(make_sample(index), stamp_of(index))
    return path


class Listener:
    """A node that keeps what it receives, with the time of arrival."""

    def __init__(self, domain):
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.received = {}
        self.arrivals = {}

    def subscribe(self, kind, topic, qos=RELIABLE):
        self.received[topic], self.arrivals[topic] = [], []

        def keep(message):
            self.received[topic].append(message)
            self.arrivals[topic].append(time.monotonic())

        self.node.create_subscription(kind, topic, keep, qos)

    def spin_until(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition() and time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.1)
        assert condition(), {topic: len(m) for topic, m in self.received.items()}

    def spin_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture(scope="module")
def domain():
    return random.randint(1, 100)


@pytest.fixture
def listener(domain, monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    listener = Listener(domain)
    yield listener
    listener.close()


@pytest.fixture
def play(domain):
    """Start the player with the given parameters; it is killed if the test leaves it behind."""
    processes = []

    def start(remap=(), **parameters):
        arguments = [f"{name}:={value}" for name, value in parameters.items()]
        command = [sys.executable, "-m", "ldn_openset_ros.ros.player", "--ros-args"]
        for argument in arguments:
            command += ["-p", argument]
        if remap:
            command += ["-r", ":=".join(remap)]
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        }
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finish(process):
    output, _ = process.communicate(timeout=TIMEOUT)
    return process.returncode, output


def stamps(messages):
    return [m.header.stamp.sec * 1_000_000_000 + m.header.stamp.nanosec for m in messages]


def test_everything_arrives_as_it_was_recorded(bag, listener, play):
    listener.subscribe(Image, IMAGE)
    listener.subscribe(Image, OUTLIER)
    listener.subscribe(CameraInfo, CAMERA_INFO)
    player = play(bag=bag, wait_for_subscribers=TIMEOUT)
    listener.spin_until(lambda: all(len(m) == COUNT for m in listener.received.values()))
    code, output = finish(player)
    assert (code, "Traceback" in output) == (0, False), output
    for index in range(COUNT):
        sample = make_sample(index)
        image = listener.received[IMAGE][index]
        np.testing.assert_array_equal(decode_image(image), sample.rgb)
        assert image.encoding == "rgb8"
        assert image.header.frame_id == "camera_optical_frame"
        outlier = listener.received[OUTLIER][index]
        np.testing.assert_array_equal(decode_map(outlier), sample.outlier)
        info = listener.received[CAMERA_INFO][index]
        assert info.k.tolist() == [300, 0, 159.5, 0, 300, 119.5, 0, 0, 1]
    for messages in listener.received.values():
        assert stamps(messages) == [stamp_of(index) for index in range(COUNT)]


def test_compressed_images_are_replayed_as_such(tmp_path, listener, play):
    with BagWriter(tmp_path / "drive", compressed_images="png") as writer:
        for index in range(3):
            writer.write(make_sample(index), stamp_of(index))
    listener.subscribe(CompressedImage, COMPRESSED)
    player = play(bag=tmp_path / "drive", wait_for_subscribers=TIMEOUT)
    listener.spin_until(lambda: len(listener.received[COMPRESSED]) == 3)
    assert finish(player)[0] == 0
    for index, message in enumerate(listener.received[COMPRESSED]):
        np.testing.assert_array_equal(decode_compressed(message), make_sample(index).rgb)


def test_the_good_part_of_a_cut_bag_is_played_and_the_rest_is_told(bag, tmp_path, listener, play):
    content = next(bag.glob("*.mcap")).read_bytes()
    cut = tmp_path / "cut.mcap"
    # Chunks end after a megabyte: four images of 230 kB with their truth are in the first.
    cut.write_bytes(content[: len(content) * 3 // 4])
    with BagReader(cut) as reader:
        expected = reader.topics[IMAGE].count
    assert 0 < expected < COUNT
    listener.subscribe(Image, IMAGE)
    player = play(bag=cut, wait_for_subscribers=TIMEOUT)
    listener.spin_until(lambda: len(listener.received[IMAGE]) == expected)
    code, output = finish(player)
    assert code == 0
    assert "not all of" in output
    assert "cut.mcap is damaged or unfinished" in output
    assert stamps(listener.received[IMAGE]) == [stamp_of(index) for index in range(expected)]


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_pace_is_the_recorded_one_times_the_rate(bag, listener, play, rate):
    listener.subscribe(CameraInfo, CAMERA_INFO)
    player = play(bag=bag, rate=rate, wait_for_subscribers=TIMEOUT, topics=f"[{CAMERA_INFO}]")
    listener.spin_until(lambda: len(listener.received[CAMERA_INFO]) == COUNT)
    assert finish(player)[0] == 0
    arrivals = listener.arrivals[CAMERA_INFO]
    recorded = (COUNT - 1) / RATE / rate
    # Never early (but for the first message's own delay); late only where the machine is busy.
    assert recorded - 0.1 < arrivals[-1] - arrivals[0] < recorded + 5


def test_bag_plays_without_waiting_where_nobody_listens(bag, play):
    code, output = finish(play(bag=bag, rate=10.0, start_delay=0.0))
    assert code == 0
    assert "10 times the recorded pace" in output


def test_missing_subscribers_are_reported(bag, play):
    code, output = finish(play(bag=bag, rate=10.0, wait_for_subscribers=0.2))
    assert code == 0
    assert f"nobody subscribed to {IMAGE} within 0.2 s" in output


def test_who_waits_says_for_what_and_who_looks_elsewhere(bag, listener, play):
    """After 2 s, not at the end of a wait that may take two minutes."""
    other = "/front/image_raw"
    listener.subscribe(Image, other)
    listener.subscribe(CompressedImage, COMPRESSED)
    player = play(bag=bag, rate=10.0, wait_for_subscribers=3600.0)
    # On a busy machine it may not have found both by its first word.
    line = next(line for line in player.stdout if COMPRESSED in line and other in line)
    listener.subscribe(Image, IMAGE)
    code, output = finish(player)
    assert f"nobody subscribed to {IMAGE} yet, which has sensor_msgs/msg/Image of {bag}" in line
    assert re.search("waiting for another 35[0-9][0-9] s; others subscribe to ", line)
    assert (
        f"{COMPRESSED} (sensor_msgs/msg/CompressedImage), {other} (sensor_msgs/msg/Image)" in line
    )
    assert f"{OUTLIER} " not in line, "truth has no subscriber"
    assert (code, "yet" in output) == (0, False), "it is not repeated soon"


def test_who_waits_alone_says_so_with_the_name_it_publishes_on(bag, listener, play):
    player = play(bag=bag, wait_for_subscribers=3600.0, remap=(IMAGE, "/rear/image"))
    line = next(line for line in player.stdout if "[WARN]" in line)
    player.send_signal(signal.SIGINT)
    assert finish(player)[0] == 0
    assert "nobody subscribed to /rear/image yet" in line
    assert line.rstrip().endswith("no other topic of images has a subscriber: start one")


def test_as_many_subscribers_as_were_asked_for_are_awaited(bag, listener, play):
    listener.subscribe(Image, IMAGE)
    code, output = finish(play(bag=bag, rate=10.0, wait_for_subscribers=5.0, subscribers=2))
    assert code == 0
    assert f"fewer than 2 subscribed to {IMAGE} within 5 s" in output
    listener.spin_until(lambda: len(listener.received[IMAGE]) == COUNT)
    listener.node.create_subscription(Image, IMAGE, lambda message: None, RELIABLE)
    code, output = finish(play(bag=bag, rate=10.0, wait_for_subscribers=TIMEOUT, subscribers=2))
    # That there are fewer yet is told after 2 s on a busy machine.
    assert (code, f"within {TIMEOUT:g} s" in output) == (0, False)


def test_only_the_chosen_topics_are_played(bag, listener, play):
    listener.subscribe(Image, IMAGE)
    listener.subscribe(CameraInfo, CAMERA_INFO)
    player = play(bag=bag, rate=5.0, wait_for_subscribers=TIMEOUT, topics=f"['{IMAGE}']")
    listener.spin_until(lambda: len(listener.received[IMAGE]) == COUNT)
    assert finish(player)[0] == 0
    listener.spin_for(0.3)
    assert listener.received[CAMERA_INFO] == []


def test_clock_follows_the_bag(bag, listener, play):
    listener.subscribe(Clock, "/clock")
    listener.subscribe(Image, IMAGE)
    player = play(bag=bag, clock="true", clock_frequency=50.0, wait_for_subscribers=TIMEOUT)
    listener.spin_until(lambda: len(listener.received[IMAGE]) == COUNT)
    assert finish(player)[0] == 0
    listener.spin_for(0.2)
    times = [m.clock.sec * 10**9 + m.clock.nanosec for m in listener.received["/clock"]]
    assert times == sorted(times)
    assert times[0] >= START_NS
    # 0.7 s at 50 Hz are 35 ticks; a busy machine may miss some.
    assert 8 <= len(times) <= 40
    assert times[-1] - times[0] > 0.5 * (stamp_of(COUNT - 1) - START_NS)
    # The clock is never behind a frame that has been published, by more than a tick.
    assert times[-1] >= stamp_of(COUNT - 1) - 10**9 / 50


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_loop_starts_again_until_a_signal_ends_it_cleanly(bag, listener, play, name):
    listener.subscribe(Image, IMAGE)
    player = play(bag=bag, rate=10.0, loop="true", wait_for_subscribers=TIMEOUT)
    listener.spin_until(lambda: len(listener.received[IMAGE]) > 2 * COUNT)
    player.send_signal(getattr(signal, name))
    code, output = finish(player)
    assert (code, "Traceback" in output) == (0, False), output
    expected = [stamp_of(index % COUNT) for index in range(2 * COUNT + 1)]
    assert stamps(listener.received[IMAGE])[: 2 * COUNT + 1] == expected


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signal_while_waiting_for_subscribers_ends_it_cleanly(bag, listener, play, name):
    player = play(bag=bag, wait_for_subscribers=3600.0)
    listener.spin_until(lambda: listener.node.count_publishers(IMAGE) == 1)
    player.send_signal(getattr(signal, name))
    code, output = finish(player)
    assert (code, "Traceback" in output) == (0, False), output


def add_types(definition, name):
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(definition, name))
    return store


def test_types_that_are_not_installed_are_named_and_left_out(tmp_path, listener, play):
    store = add_types("uint8 level", "nowhere_msgs/msg/Fog")
    with Writer(tmp_path / "drive", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        fog = writer.add_connection("/fog", "nowhere_msgs/msg/Fog", typestore=store)
        header = writer.add_connection("/header", "std_msgs/msg/Header", typestore=store)
        message = store.types["nowhere_msgs/msg/Fog"](level=3)
        writer.write(fog, 1, store.serialize_cdr(message, "nowhere_msgs/msg/Fog"))
        message = header_message(store, "seen")
        writer.write(header, 2, store.serialize_cdr(message, "std_msgs/msg/Header"))
    listener.subscribe(Header, "/header")
    player = play(bag=tmp_path / "drive", wait_for_subscribers=TIMEOUT)
    listener.spin_until(lambda: listener.received["/header"])
    code, output = finish(player)
    assert code == 0
    assert "/fog is left out: its type nowhere_msgs/msg/Fog is not installed" in output
    assert [message.frame_id for message in listener.received["/header"]] == ["seen"]


def header_message(store, frame_id):
    time_class = store.types["builtin_interfaces/msg/Time"]
    return store.types["std_msgs/msg/Header"](
        stamp=time_class(sec=0, nanosec=0), frame_id=frame_id
    )


def test_latched_topics_are_latched_again(tmp_path, listener, play):
    store = get_typestore(Stores.ROS2_JAZZY)
    latched = Qos(
        QosHistory.KEEP_LAST,
        1,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL,
        *(QosTime(0, 0),) * 2,
        QosLiveliness.AUTOMATIC,
        QosTime(0, 0),
        False,
    )
    with Writer(tmp_path / "drive", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = [
            writer.add_connection(
                topic, "std_msgs/msg/Header", typestore=store, offered_qos_profiles=profiles
            )
            for topic, profiles in (("/once", [latched]), ("/often", []))
        ]
        data = store.serialize_cdr(header_message(store, "x"), "std_msgs/msg/Header")
        writer.write(connections[0], 0, data)
        for second in range(60):
            writer.write(connections[1], second * 10**9, data)
    player = play(bag=tmp_path / "drive", start_delay=0.0)
    listener.subscribe(Header, "/often")
    # /once has been published by the time something of /often is here.
    listener.spin_until(lambda: listener.received["/often"])
    profile = QoSProfile(
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )
    listener.subscribe(Header, "/once", profile)
    listener.spin_until(lambda: len(listener.received["/once"]) == 1)
    player.send_signal(signal.SIGINT)
    assert finish(player)[0] == 0


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "parameter bag is empty"),
        ({"bag": "/nowhere/drive"}, "no bag at /nowhere/drive"),
        ({"bag": "drive", "rate": "1000.0"}, "rate: give a factor of speed, from 0.01 to 100.0"),
        ({"bag": "drive", "rate": "fast"}, "rate: give a factor of speed, from 0.01 to 100.0"),
        ({"bag": "drive", "rate": ".nan"}, "parameter rate: give"),
        ({"bag": "drive", "loop": "maybe"}, "parameter loop: give true .* or false"),
        ({"bag": "drive", "topics": "/camera/image_raw"}, "parameter topics: give a list"),
        ({"bag": "drive", "topics": "['/lidar']"}, "has no /lidar, it has /camera/camera_info"),
    ],
)
def test_unusable_parameters_end_in_one_line(bag, play, parameters, reason):
    if parameters.get("bag") == "drive":
        parameters = {**parameters, "bag": bag}
    code, output = finish(play(**parameters))
    assert code == 1
    assert len(output.splitlines()) == 1, output
    assert re.search(f"FATAL.*{reason}", output)


def test_malformed_arguments_end_without_a_trace():
    command = [sys.executable, "-m", "ldn_openset_ros.ros.player", "--ros-args", "-p", "bag"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    # rcl adds a line of its own before ours.
    assert done.stderr.splitlines()[-1].startswith("[FATAL] [player]: "), done.stderr
    assert "Traceback" not in done.stderr


def test_pace_maps_the_bag_to_the_machine_and_back():
    pace = Pace(origin=100.0, start_ns=5_000_000_000, rate=2.0)
    assert pace.due(5_000_000_000) == 100.0
    assert pace.due(9_000_000_000) == 102.0
    assert pace.bag_time(100.0) == 5_000_000_000
    assert pace.bag_time(102.5) == 10_000_000_000


def test_awaited_topics_are_the_cameras_else_images_else_all():
    image, info = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
    assert awaited_topics({IMAGE: image, OUTLIER: image, CAMERA_INFO: info}) == [IMAGE]
    assert awaited_topics({"/front": image, CAMERA_INFO: info}) == ["/front"]
    assert awaited_topics({CAMERA_INFO: info, "/tf": "tf2_msgs/msg/TFMessage"}) == [
        CAMERA_INFO,
        "/tf",
    ]


def test_message_class():
    assert message_class("sensor_msgs/msg/Image") is Image
    assert message_class("nowhere_msgs/msg/Fog") is None
    assert message_class("sensor_msgs/msg/Nothing") is None
    assert message_class("") is None
