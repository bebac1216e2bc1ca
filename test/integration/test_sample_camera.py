"""The sample camera as a process: frames and truth arrive over DDS as the drive renders them."""

from __future__ import annotations

import signal
from functools import partial

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import TIMEOUT, wait_for
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from ldn_openset_ros.ros.images import decode_image, decode_map
from ldn_openset_ros.scenes.drive import Drive, DriveSettings

IMAGE, INFO = "/camera/image_raw", "/camera/camera_info"
OUTLIER, LABELS = "/ground_truth/outlier", "/ground_truth/labels"
WIDTH, HEIGHT, SEED = 160, 96, 3


@pytest.fixture
def start(start_module):
    """Start the node with `name:=value` parameters."""
    return partial(start_module, "sample_camera")


def stamp_of(message) -> tuple[int, int]:
    return message.header.stamp.sec, message.header.stamp.nanosec


def small(*parameters: str) -> tuple[str, ...]:
    return (f"width:={WIDTH}", f"height:={HEIGHT}", f"seed:={SEED}", *parameters)


def test_frames_and_truth_are_those_of_the_drive(start, bench):
    process = start(*small("rate:=10.0", "start:=40", "frame_id:=front"))
    topics = {IMAGE: Image, INFO: CameraInfo, OUTLIER: Image, LABELS: Image}
    received = {topic: bench.subscribe(kind, topic) for topic, kind in topics.items()}

    def complete() -> list[dict]:
        by_stamp = {topic: {stamp_of(m): m for m in m_s} for topic, m_s in received.items()}
        stamps = sorted(set.intersection(*(set(messages) for messages in by_stamp.values())))
        return [{topic: by_stamp[topic][stamp] for topic in topics} for stamp in stamps]

    wait_for(lambda: len(complete()) >= 4, "four frames with their truth")
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 0
    assert "Traceback" not in process.stderr.read()

    frames = complete()[:4]
    drive = Drive(DriveSettings(width=WIDTH, height=HEIGHT, seed=SEED, frame_rate=10.0))
    first = decode_image(frames[0][IMAGE])
    # Frames before the subscription are lost: the first one that arrived is found by its pixels.
    index = next(i for i in range(40, 40 + 600) if np.array_equal(drive.frame(i).rgb, first))
    for number, frame in enumerate(frames):
        sample = drive.frame(index + number)
        assert np.array_equal(decode_image(frame[IMAGE]), sample.rgb)
        assert np.array_equal(decode_map(frame[OUTLIER]), sample.outlier)
        assert np.array_equal(decode_map(frame[LABELS]), sample.labels)
        assert {m.header.frame_id for m in frame.values()} == {"front"}
        assert [frame[t].encoding for t in (IMAGE, OUTLIER, LABELS)] == ["rgb8", "mono8", "mono8"]
        assert {(m.width, m.height) for m in frame.values()} == {(WIDTH, HEIGHT)}
    info, camera = frames[0][INFO], drive.camera
    assert info.distortion_model == "plumb_bob"
    assert list(info.d) == [0.0] * 5
    k = np.array(info.k).reshape(3, 3)
    assert np.allclose(k, ((camera.fx, 0, camera.cx), (0, camera.fy, camera.cy), (0, 0, 1)))
    assert np.array_equal(np.array(info.p).reshape(3, 4), np.column_stack((k, np.zeros(3))))
    assert np.array_equal(np.array(info.r).reshape(3, 3), np.eye(3))


def test_the_node_ends_after_its_last_frame(start, bench):
    process = start(*small("rate:=10.0", "frames:=60"))
    messages = bench.subscribe(Image, IMAGE)
    sensor_data = bench.subscribe(Image, IMAGE, qos_profile_sensor_data)
    infos = bench.subscribe(CameraInfo, INFO)
    assert process.wait(TIMEOUT) == 0
    assert sensor_data, "a best-effort subscriber gets frames too"
    assert 1 <= len(messages) <= 60
    drive = Drive(DriveSettings(width=WIDTH, height=HEIGHT, seed=SEED, frame_rate=10.0))
    last = {stamp_of(m): m for m in messages}.get(stamp_of(infos[-1]))
    assert last is not None
    assert np.array_equal(decode_image(last), drive.frame(59).rgb)


def test_sigterm_ends_it_too(start, bench):
    process = start(*small("rate:=20.0"))
    messages = bench.subscribe(Image, IMAGE)
    wait_for(lambda: len(messages) >= 2, "two frames")
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT) == 0
    assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("rate:=fast", "parameter rate: give frames per second"),
        ("rate:=.nan", "parameter rate: give frames per second"),
        ("width:=16", "parameter width: give the frames' width"),
        ("seed:=-1", "parameter seed: give the seed"),
    ],
)
def test_bad_parameters_end_with_one_line(start, parameter, words):
    process = start(parameter)
    _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert len(error.splitlines()) == 1
    assert words in error
