"""The media camera as a process: its frames arrive over DDS as they are in the files."""

from __future__ import annotations

import signal
import time
from functools import partial

import av
import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import TIMEOUT, wait_for
from sensor_msgs.msg import CameraInfo, Image

from ldn_openset_ros.ros.images import decode_image

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))
TOPIC = "/camera/image_raw"


@pytest.fixture
def start(start_module):
    """Start the node with `name:=value` parameters."""
    return partial(start_module, "media_camera")


@pytest.fixture
def pictures(tmp_path):
    for index, colour in enumerate(COLOURS):
        rgb = np.full((48, 64, 3), colour, np.uint8)
        cv2.imwrite(str(tmp_path / f"{index}.png"), rgb[..., ::-1])
    return tmp_path


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=20, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(100):
            rgb = np.full((48, 64, 3), COLOURS[0], np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def stamps_of(messages):
    return np.array([m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 for m in messages])


def test_pictures_come_in_a_loop_until_the_node_is_interrupted(start, bench, pictures):
    process = start(f"source:={pictures}", "loop:=true", "rate:=20.0", "frame_id:=front")
    messages = bench.subscribe(Image, TOPIC)
    wait_for(lambda: len(messages) >= 8)
    frames = [tuple(decode_image(message)[10, 10].tolist()) for message in messages[:8]]
    first = COLOURS.index(frames[0])
    assert frames == [COLOURS[(first + i) % 3] for i in range(8)]
    message = messages[0]
    assert (message.encoding, message.width, message.height) == ("rgb8", 64, 48)
    assert message.header.frame_id == "front"
    stamps = stamps_of(messages)
    assert (np.diff(stamps) > 0).all()
    assert abs(time.time() - stamps[-1]) < TIMEOUT
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT) == 0


CALIBRATION = """
image_width: 64
image_height: 48
camera_name: front
camera_matrix: {rows: 3, cols: 3, data: [70, 0, 31.5, 0, 71, 23.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 0.1, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [60, 0, 31, 0, 0, 61, 23, 0, 0, 0, 1, 0]}
"""


def test_a_calibration_is_published_beside_each_frame(start, bench, pictures):
    (pictures / "front.yaml").write_text(CALIBRATION)
    start(f"source:={pictures}", "loop:=true", f"camera_info_url:=file://{pictures}/front.yaml")
    infos = bench.subscribe(CameraInfo, "/camera/camera_info")
    images = bench.subscribe(Image, TOPIC)
    wait_for(lambda: len(images) >= 3 and infos[-1].header.stamp == images[-1].header.stamp)
    assert {str(image.header) for image in images} <= {str(info.header) for info in infos}
    info = infos[0]
    assert (info.width, info.height, info.distortion_model) == (64, 48, "plumb_bob")
    assert info.d.tolist() == [-0.3, 0.1, 0, 0, 0]
    assert info.k.tolist() == [70, 0, 31.5, 0, 71, 23.5, 0, 0, 1]
    assert info.r.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert info.p.tolist() == [60, 0, 31, 0, 0, 61, 23, 0, 0, 0, 1, 0]


def test_frames_of_another_size_get_no_calibration_and_one_line(start, bench, pictures):
    (pictures / "front.yaml").write_text(CALIBRATION.replace("64", "640"))
    url = f"{pictures}/front.yaml"
    process = start(f"source:={pictures}", "rate:=20", "loop:=true", f"camera_info_url:={url}")
    infos = bench.subscribe(CameraInfo, "/camera/camera_info")
    images = bench.subscribe(Image, TOPIC)
    wait_for(lambda: len(images) >= 5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert infos == []
    (line,) = [line for line in error.splitlines() if "WARN" in line]
    assert f"no camera_info for frames of 64x48: {url} is of 640x48: calibrate at the" in line


def test_without_a_calibration_that_is_said(start, bench, pictures):
    process = start(f"source:={pictures}")
    _, error = process.communicate(timeout=TIMEOUT)
    assert "at 10 Hz, no camera_info: give camera_info_url" in error
    assert not bench.probe.count_publishers("/camera/camera_info")


def test_a_video_plays_once_at_its_own_rate(start, bench, video):
    process = start(f"source:={video}")
    messages = bench.subscribe(Image, TOPIC)
    assert process.wait(TIMEOUT) == 0
    assert 10 <= len(messages) <= 100  # the first ones pass before the subscription
    # A busy machine may be slower than the video, never faster.
    assert np.median(np.diff(stamps_of(messages))) >= 0.9 / 20
    assert messages[0].header.frame_id == "camera_optical_frame"
    found = decode_image(messages[0])[10, 10].astype(int)
    assert np.abs(found - COLOURS[0]).max() <= 12


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (["source:=/nowhere/drive.mp4"], "/nowhere/drive.mp4"),
        (["source:=/dev/video987"], "no camera /dev/video987"),
        ([], "parameter source is empty"),
        (["source:=987"], "no camera /dev/video987"),
        (["source:=1.5"], "parameter source: give a video, a folder of pictures or a camera"),
        (["source:=x", "rate:=fast"], "parameter rate: give frames per second"),
        (["source:=x", "camera_info_url:=file:///nope.yaml"], "cannot read /nope.yaml: No such"),
        (["source:=x", "rate:=2000"], "parameter rate: give frames per second"),
        (["source:=x", "rate:=.nan"], "parameter rate: give frames per second"),
        (["source:=x", "loop:=maybe"], "parameter loop: give true"),
    ],
)
def test_what_cannot_be_played_ends_with_one_line(start, parameters, words):
    process = start(*parameters)
    _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert len(error.splitlines()) == 1
    assert words in error


def test_an_unreadable_picture_is_left_out_with_its_name(start, pictures):
    (pictures / "1.png").write_text("no picture")
    process = start(f"source:={pictures}", "rate:=100.0")
    _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    (line,) = (line for line in error.splitlines() if "left out" in line)
    assert f"{pictures}/1.png is no readable picture" in line
