"""Bags that are written and read back: contents, types, and what is left after a failure."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.typesys import Stores, get_typestore

from ldn_openset_ros.bags.reader import BagReader, BagTopic
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import PinholeCamera, Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.images import (
    decode_compressed,
    decode_float,
    decode_image,
    decode_map,
)

IMAGE = "/camera/image_raw"
COMPRESSED = "/camera/image_raw/compressed"
CAMERA_INFO = "/camera/camera_info"
OUTLIER = "/ground_truth/outlier"
LABELS = "/ground_truth/labels"
STORAGES = ("mcap", "sqlite3")
SUFFIXES = {"mcap": ".mcap", "sqlite3": ".db3"}
START_NS, STEP_NS = 12_000_000_034, 100_000_000


def make_sample(index):
    """A smooth picture (JPEG must keep it) that differs from frame to frame, with everything."""
    y, x = np.mgrid[:30, :50]
    rgb = np.stack((4 * x, 8 * y, np.full_like(x, 40 * index)), axis=-1).astype(np.uint8)
    outlier = np.zeros((30, 50), np.uint8)
    outlier[index, :10] = 1
    outlier[-1] = 255
    labels = (x % 11).astype(np.uint8)
    camera = PinholeCamera(width=50, height=30, fx=40.0, fy=41.0, cx=24.5, cy=14.5)
    return Sample(f"frame_{index}", rgb, labels, outlier, camera)


def write_bag(path, count=4, **arguments):
    with BagWriter(path, **arguments) as bag:
        for index in range(count):
            bag.write(make_sample(index), START_NS + index * STEP_NS)
    return path


def read_messages(path, topic):
    with BagReader(path) as reader:
        return [(time_ns, message) for _, time_ns, message in reader.messages([topic])]


@pytest.fixture(params=STORAGES)
def bag(request, tmp_path):
    return write_bag(tmp_path / "drive", storage=request.param)


def test_frames_and_truth_come_back_equal(bag):
    for topic, decode, expected in (
        (IMAGE, decode_image, lambda sample: sample.rgb),
        (OUTLIER, decode_map, lambda sample: sample.outlier),
        (LABELS, decode_map, lambda sample: sample.labels),
    ):
        messages = read_messages(bag, topic)
        assert len(messages) == 4
        for index, (_, message) in enumerate(messages):
            np.testing.assert_array_equal(decode(message), expected(make_sample(index)))


def test_encodings_and_steps(bag):
    ((_, image), *_), ((_, truth), *_) = read_messages(bag, IMAGE), read_messages(bag, OUTLIER)
    assert (image.encoding, image.step, image.height, image.width) == ("rgb8", 150, 30, 50)
    assert (truth.encoding, truth.step, truth.height, truth.width) == ("mono8", 50, 30, 50)
    assert image.is_bigendian == 0


@pytest.mark.parametrize("topic", [IMAGE, CAMERA_INFO, OUTLIER, LABELS])
def test_headers_carry_equal_stamps_and_the_frame(bag, topic):
    for index, (time_ns, message) in enumerate(read_messages(bag, topic)):
        assert time_ns == START_NS + index * STEP_NS
        stamp = message.header.stamp
        assert (stamp.sec, stamp.nanosec) == (12, 34 + index * STEP_NS)
        assert message.header.frame_id == "camera_optical_frame"


def test_camera_info_holds_the_intrinsics(bag):
    _, info = read_messages(bag, CAMERA_INFO)[0]
    assert (info.width, info.height) == (50, 30)
    assert info.k.tolist() == [40, 0, 24.5, 0, 41, 14.5, 0, 0, 1]
    assert info.p.tolist() == [40, 0, 24.5, 0, 0, 41, 14.5, 0, 0, 0, 1, 0]
    assert info.r.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert info.distortion_model == "plumb_bob"
    assert info.d.tolist() == [0] * 5


def test_reader_summarises(bag):
    with BagReader(bag) as reader:
        assert reader.topics == {
            CAMERA_INFO: BagTopic("sensor_msgs/msg/CameraInfo", 4, False),
            IMAGE: BagTopic("sensor_msgs/msg/Image", 4, False),
            LABELS: BagTopic("sensor_msgs/msg/Image", 4, False),
            OUTLIER: BagTopic("sensor_msgs/msg/Image", 4, False),
        }
        assert reader.start_ns == START_NS
        assert reader.duration_ns == 3 * STEP_NS


@pytest.mark.parametrize("storage", STORAGES)
def test_bare_storage_file_reads_like_the_folder(tmp_path, storage):
    path = write_bag(tmp_path / "drive", storage=storage)
    with BagReader(path / f"drive{SUFFIXES[storage]}") as bare, BagReader(path) as whole:
        assert bare.topics == whole.topics
        assert list(bare.raw_messages()) == list(whole.raw_messages())


def test_raw_messages_are_the_serialised_ones(bag):
    store = get_typestore(Stores.ROS2_JAZZY)
    with BagReader(bag) as reader:
        for topic, _, data in reader.raw_messages([IMAGE, CAMERA_INFO]):
            assert isinstance(data, bytes)
            message = store.deserialize_cdr(data, reader.topics[topic].type)
            assert message.header.frame_id == "camera_optical_frame"


@pytest.mark.parametrize("storage", STORAGES)
def test_png_is_lossless(tmp_path, storage):
    path = write_bag(tmp_path / "drive", storage=storage, compressed_images="png")
    for index, (_, message) in enumerate(read_messages(path, COMPRESSED)):
        assert message.format == "rgb8; png compressed bgr8"
        np.testing.assert_array_equal(decode_compressed(message), make_sample(index).rgb)


@pytest.mark.parametrize("storage", STORAGES)
def test_jpeg_is_close_and_truth_stays_raw(tmp_path, storage):
    path = write_bag(tmp_path / "drive", storage=storage, compressed_images="jpeg")
    for index, (_, message) in enumerate(read_messages(path, COMPRESSED)):
        assert message.format == "rgb8; jpeg compressed bgr8"
        rgb = make_sample(index).rgb.astype(int)
        # Colours in the right order, or the channels would differ by up to 200.
        assert np.abs(decode_compressed(message) - rgb).max() < 16
    for index, (_, message) in enumerate(read_messages(path, OUTLIER)):
        np.testing.assert_array_equal(decode_map(message), make_sample(index).outlier)
    with BagReader(path) as reader:
        assert IMAGE not in reader.topics


def test_what_is_unknown_has_no_topic(tmp_path):
    with BagWriter(tmp_path / "drive", frame_id="left") as bag:
        bag.write(Sample("one", make_sample(0).rgb), START_NS)
        assert dict(bag.counts) == {IMAGE: 1}
    with BagReader(tmp_path / "drive") as reader:
        assert list(reader.topics) == [IMAGE]
        ((_, _, message),) = reader.messages()
        assert message.header.frame_id == "left"


@pytest.mark.parametrize("storage", STORAGES)
def test_outputs_and_legend_are_written_as_the_node_publishes_them(tmp_path, storage):
    labels, open_set = np.full((4, 6), 3, np.uint8), np.full((4, 6), 11, np.uint8)
    probability = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
    with BagWriter(tmp_path / "drive", storage) as bag:
        bag.write_legend('{"outlier_id": 11}', START_NS)
        bag.write_outputs(START_NS, "left", labels, probability, open_set)
        bag.write_outputs(START_NS + 1, "left", None, probability, None, time_ns=START_NS + 9)
        assert dict(bag.counts) == {
            "/openset/legend": 1,
            "/openset/labels": 1,
            "/openset/outlier_probability": 2,
            "/openset/open_set": 1,
        }
    with BagReader(tmp_path / "drive") as reader:
        assert {name for name, topic in reader.topics.items() if topic.latched} == {
            "/openset/legend"
        }
        read = {(topic, time_ns): message for topic, time_ns, message in reader.messages()}
    assert read["/openset/legend", START_NS].data == '{"outlier_id": 11}'
    message = read["/openset/outlier_probability", START_NS]
    assert (message.encoding, message.step, message.is_bigendian) == ("32FC1", 24, 0)
    np.testing.assert_array_equal(decode_float(message), probability)
    np.testing.assert_array_equal(decode_map(read["/openset/labels", START_NS]), labels)
    np.testing.assert_array_equal(decode_map(read["/openset/open_set", START_NS]), open_set)
    for message in read.values():
        if hasattr(message, "header"):
            assert message.header.frame_id == "left"
    late = read["/openset/outlier_probability", START_NS + 9].header.stamp
    assert (late.sec, late.nanosec) == (12, 35)


@pytest.mark.parametrize("target", STORAGES)
def test_messages_of_another_bag_are_copied_as_they_are(bag, tmp_path, target):
    with BagReader(bag) as reader:
        with BagWriter(tmp_path / "copy", target) as writer:
            for message in reader.raw_messages([IMAGE, OUTLIER, CAMERA_INFO]):
                writer.copy(reader, *message)
        with BagReader(tmp_path / "copy") as copy:
            assert list(copy.raw_messages()) == list(
                reader.raw_messages([IMAGE, OUTLIER, CAMERA_INFO])
            )
            assert copy.topics == {n: reader.topics[n] for n in (CAMERA_INFO, IMAGE, OUTLIER)}
            for name in copy.topics:
                assert copy.definition(name) == reader.definition(name)


def test_a_copy_keeps_latched_topics_latched_and_their_type(tmp_path):
    with BagWriter(tmp_path / "first") as bag:
        bag.write_legend("{}", START_NS)
    with BagReader(tmp_path / "first") as reader, BagWriter(tmp_path / "second") as bag:
        for message in reader.raw_messages():
            bag.copy(reader, *message)
        bag.write_legend("[]", START_NS + 1)
    with BagReader(tmp_path / "second") as reader:
        assert reader.topics == {"/openset/legend": BagTopic("std_msgs/msg/String", 2, True)}


def test_an_output_on_a_copied_topic_of_another_type_is_refused(bag, tmp_path):
    with BagReader(bag) as reader, BagWriter(tmp_path / "copy") as writer:
        topic, time_ns, data = next(reader.raw_messages([CAMERA_INFO]))
        reader.topics["/openset/labels"] = reader.topics[topic]
        writer.copy(reader, "/openset/labels", time_ns, data)
        with pytest.raises(OpenSetError, match="/openset/labels is a sensor_msgs/msg/CameraInfo"):
            writer.write_outputs(START_NS, "left", np.zeros((2, 2), np.uint8), None, None)


def test_metadata_is_what_rosbag2_of_jazzy_expects(bag):
    information = yaml.safe_load((bag / "metadata.yaml").read_text())[
        "rosbag2_bagfile_information"
    ]
    assert information["version"] == 9
    assert information["relative_file_paths"] == [information["files"][0]["path"]]
    assert (bag / information["relative_file_paths"][0]).is_file()
    assert information["message_count"] == 16
    assert information["duration"] == {"nanoseconds": 3 * STEP_NS}
    assert {
        topic["topic_metadata"]["serialization_format"]
        for topic in information["topics_with_message_count"]
    } == {"cdr"}


def test_type_hashes_are_those_of_the_installed_messages(bag):
    prefixes = [sys.prefix, *os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)]
    shares = [Path(prefix, "share", "sensor_msgs", "msg") for prefix in prefixes]
    installed = next((share for share in shares if (share / "Image.json").is_file()), None)
    if installed is None:
        pytest.skip("needs the descriptions of sensor_msgs (ROS 2 Jazzy or newer)")
    information = yaml.safe_load((bag / "metadata.yaml").read_text())
    topics = information["rosbag2_bagfile_information"]["topics_with_message_count"]
    assert len(topics) == 4
    for topic in topics:
        name = topic["topic_metadata"]["type"]
        description = json.loads((installed / f"{name.split('/')[-1]}.json").read_text())
        hashes = {h["type_name"]: h["hash_string"] for h in description["type_hashes"]}
        assert topic["topic_metadata"]["type_description_hash"] == hashes[name]


def test_existing_path_is_refused_and_untouched(tmp_path):
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive" / "mine.txt").write_text("keep")
    with (
        pytest.raises(OpenSetError, match=f"{tmp_path}/drive exists already"),
        BagWriter(tmp_path / "drive"),
    ):
        pass
    assert (tmp_path / "drive" / "mine.txt").read_text() == "keep"
    assert [p.name for p in tmp_path.iterdir()] == ["drive"]


def test_leftover_of_a_killed_process_is_named(tmp_path):
    (tmp_path / "drive.partial").mkdir()
    with (
        pytest.raises(OpenSetError, match=r"drive\.partial is being written, or was left"),
        BagWriter(tmp_path / "drive"),
    ):
        pass
    assert (tmp_path / "drive.partial").is_dir()


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_failure_midway_leaves_nothing(tmp_path, storage, failure):
    def fail():
        with BagWriter(tmp_path / "drive", storage) as bag:
            bag.write(make_sample(0), START_NS)
            assert (tmp_path / "drive.partial").is_dir()
            assert not (tmp_path / "drive").exists()
            raise failure

    with pytest.raises(failure):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("storage", STORAGES)
def test_parent_that_cannot_be_written_is_named(tmp_path, storage):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "drive"
    with (
        pytest.raises(OpenSetError, match=f"cannot write the bag {path}"),
        BagWriter(path, storage),
    ):
        pass


def test_unknown_storage_and_compression(tmp_path):
    with pytest.raises(OpenSetError, match="no bag storage 'zip': choose mcap, sqlite3"):
        BagWriter(tmp_path / "drive", storage="zip")
    with pytest.raises(OpenSetError, match="no image compression 'gif': choose jpeg, png"):
        BagWriter(tmp_path / "drive", compressed_images="gif")


def test_missing_bag_is_named(tmp_path):
    with pytest.raises(OpenSetError, match=f"no bag at {tmp_path}/nowhere"):
        BagReader(tmp_path / "nowhere")


def test_foreign_files_are_named(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(OpenSetError, match=f"{text} is no bag"):
        BagReader(text)
    old = tmp_path / "old.bag"
    old.write_bytes(b"#ROSBAG V2.0\n")
    with pytest.raises(OpenSetError, match=f"{old} is a ROS 1 bag"):
        BagReader(old)


def test_unknown_topic_lists_those_of_the_bag(bag):
    with (
        BagReader(bag) as reader,
        pytest.raises(OpenSetError, match=f"has no topic /lidar: it has {CAMERA_INFO}, {IMAGE}"),
    ):
        next(reader.messages(["/lidar"]))


def one_line(error):
    return "\n" not in str(error.value)


def test_storage_of_noise_is_an_error_of_one_line(bag):
    for storage_file in bag.glob("drive.*"):
        storage_file.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(OpenSetError, match="damaged or unfinished") as error:
        BagReader(bag)
    assert one_line(error)


def test_damaged_message_is_an_error_of_one_line(tmp_path):
    path = write_bag(tmp_path / "drive", storage="sqlite3")
    with sqlite3.connect(path / "drive.db3") as database:
        database.execute("UPDATE messages SET data = x'00010000ffffffff' WHERE id = 2")
    database.close()
    with (
        BagReader(path) as reader,
        pytest.raises(OpenSetError, match="on /camera/camera_info is damaged") as error,
    ):
        list(reader.messages())
    assert one_line(error)


def test_moved_bag_reads(bag, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.move(bag, moved)
    assert len(read_messages(moved, IMAGE)) == 4


def test_messages_from_the_wire_are_written_as_they_are(tmp_path):
    source = write_bag(tmp_path / "source", count=2)
    with BagReader(source) as reader:
        sent = list(reader.raw_messages([IMAGE]))
    with BagWriter(tmp_path / "copy") as writer:
        for _, time_ns, data in sent:
            writer.write_serialized("/other", "sensor_msgs/msg/Image", time_ns + 5, data)
    with BagReader(tmp_path / "copy") as reader:
        assert reader.topics == {"/other": BagTopic("sensor_msgs/msg/Image", 2, False)}
        written = list(reader.raw_messages())
    assert written == [("/other", time_ns + 5, data) for _, time_ns, data in sent]
