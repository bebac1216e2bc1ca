"""Frames of a bag paired with their truth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ldn_openset_ros.bags.frames import WINDOW, frames, groups_by_stamp
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError

IMAGE = "/camera/image_raw"
OUTLIER = "/ground_truth/outlier"
LABELS = "/ground_truth/labels"
STORE = get_typestore(Stores.ROS2_JAZZY)


def image(stamp, value, encoding="mono8", shape=(2, 3)):
    """A message of one grey value, stamped in milliseconds."""
    types = STORE.types
    return types["sensor_msgs/msg/Image"](
        header=types["std_msgs/msg/Header"](
            stamp=types["builtin_interfaces/msg/Time"](sec=0, nanosec=stamp * 1_000_000),
            frame_id="left",
        ),
        height=shape[0],
        width=shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=shape[1],
        data=np.full(shape[0] * shape[1], value, np.uint8),
    )


def record(path, messages):
    """Write (topic, message) pairs in the order given, a nanosecond apart."""
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for time_ns, (topic, message) in enumerate(messages):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], time_ns, STORE.serialize_cdr(message, kind))
    return path


def read(path, **arguments):
    with BagReader(path) as reader:
        return list(frames(reader, **arguments))


@pytest.mark.parametrize("compression", [None, "png"])
def test_written_samples_come_back(tmp_path, compression):
    rng = np.random.default_rng(0)
    samples = [
        Sample(
            str(index),
            rng.integers(0, 256, (8, 10, 3), np.uint8),
            labels=rng.integers(0, 11, (8, 10)).astype(np.uint8),
            outlier=rng.choice([0, 1, 255], (8, 10)).astype(np.uint8),
        )
        for index in range(5)
    ]
    with BagWriter(tmp_path / "drive", compressed_images=compression) as bag:
        for index, sample in enumerate(samples):
            bag.write(sample, 10**9 + index)
    read_frames = read(tmp_path / "drive")
    assert [frame.stamp_ns for frame in read_frames] == [10**9 + index for index in range(5)]
    for frame, sample in zip(read_frames, samples, strict=True):
        np.testing.assert_array_equal(frame.rgb, sample.rgb)
        np.testing.assert_array_equal(frame.outlier, sample.outlier)
        np.testing.assert_array_equal(frame.labels, sample.labels)
        assert frame.frame_id == "camera_optical_frame"


def test_truth_that_is_recorded_late_or_early_is_paired_by_stamp(tmp_path):
    path = record(
        tmp_path / "bag",
        [
            (OUTLIER, image(20, 1)),
            (IMAGE, image(10, 110)),
            (IMAGE, image(20, 120)),
            (OUTLIER, image(10, 0)),
        ],
    )
    pairs = {f.stamp_ns: (f.rgb[0, 0, 0], f.outlier[0, 0]) for f in read(path)}
    assert pairs == {10_000_000: (110, 0), 20_000_000: (120, 1)}


def test_frames_without_truth_come_without_and_in_order(tmp_path):
    messages = [(IMAGE, image(stamp, stamp)) for stamp in range(1, 2 * WINDOW)]
    messages.insert(5, (OUTLIER, image(5, 1)))
    read_frames = read(record(tmp_path / "bag", messages))
    assert [frame.stamp_ns // 1_000_000 for frame in read_frames] == list(range(1, 2 * WINDOW))
    assert [frame.stamp_ns // 1_000_000 for frame in read_frames if frame.outlier is not None] == [
        5
    ]
    assert read_frames[0].labels is None
    assert read_frames[0].frame_id == "left"


def test_truth_without_an_image_is_passed_over(tmp_path):
    path = record(
        tmp_path / "bag",
        [(OUTLIER, image(1, 0)), (IMAGE, image(2, 7)), (OUTLIER, image(2, 1))],
    )
    assert [frame.stamp_ns for frame in read(path)] == [2_000_000]


def test_no_more_than_the_window_is_kept_open(tmp_path):
    messages = [(IMAGE, image(stamp, 0)) for stamp in range(1, 3 * WINDOW)]
    messages.append((OUTLIER, image(3 * WINDOW - 1, 1)))
    taken = 0

    with BagReader(record(tmp_path / "bag", messages)) as reader:
        groups = groups_by_stamp(reader, [IMAGE, OUTLIER])
        original = reader.messages

        def counting(topics):
            nonlocal taken
            for message in original(topics):
                taken += 1
                yield message

        reader.messages = counting
        next(groups)
        assert taken == WINDOW + 1
        assert len(list(groups)) == 3 * WINDOW - 2


def test_other_topics_can_be_named(tmp_path):
    path = record(
        tmp_path / "bag", [("/front/image", image(1, 9)), ("/front/truth", image(1, 255))]
    )
    (frame,) = read(path, image_topic="/front/image", outlier_topic="/front/truth")
    assert frame.rgb.tolist() == np.full((2, 3, 3), 9).tolist()
    assert frame.outlier.tolist() == np.full((2, 3), 255).tolist()


def test_bag_without_an_image_topic_lists_what_it_has(tmp_path):
    path = record(tmp_path / "bag", [("/front/image", image(1, 9))])
    with pytest.raises(OpenSetError, match="name its image topic, one of /front/image"):
        read(path)
    with pytest.raises(OpenSetError, match="has no topic /rear: it has /front/image"):
        read(path, image_topic="/rear")


def test_topic_that_is_no_image_is_named(tmp_path):
    header = image(1, 0).header
    path = record(tmp_path / "bag", [(IMAGE, header)])
    with pytest.raises(OpenSetError, match=f"{IMAGE} is a std_msgs/msg/Header"):
        read(path)


@pytest.mark.parametrize(
    ("truth", "reason"),
    [
        (image(1, 2), "outlier truth holds the value 2"),
        (image(1, 0, encoding="rgb8"), "encoding"),
        (image(1, 0, shape=(3, 2)), "truth of 2x3 for an image of 3x2"),
    ],
)
def test_unfit_truth_names_bag_and_stamp(tmp_path, truth, reason):
    path = record(tmp_path / "bag", [(IMAGE, image(1, 0)), (OUTLIER, truth)])
    with pytest.raises(OpenSetError, match=f"{path}.*stamp.*{reason}"):
        read(path)


def test_reading_frames_imports_no_ros():
    code = "import sys, ldn_openset_ros.bags.frames; sys.exit('rclpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
