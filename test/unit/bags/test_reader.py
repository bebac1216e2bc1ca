"""Bags without metadata, split, cut, damaged, compressed: what is good is read, the rest told."""

from __future__ import annotations

import re
import shutil
import tracemalloc

import pytest
import yaml
from mcap.writer import IndexType
from recordings import (
    IMAGE,
    LABELS,
    OUTLIER,
    STORAGES,
    SUFFIXES,
    cdr,
    cut,
    image,
    record,
    record_mcap,
    run_sql,
    storage_file,
    text,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode

from ldn_openset_ros.bags.reader import BagReader, BagTopic
from ldn_openset_ros.errors import OpenSetError

SHAPE = (300, 400)
COUNT = 12
MESSAGES = [(IMAGE, image(number, number, shape=SHAPE)) for number in range(COUNT)]
EXPECTED = [(IMAGE, number, cdr(message)) for number, (_, message) in enumerate(MESSAGES)]


def read(path):
    """The messages of a bag and what of it was not read."""
    with BagReader(path) as reader:
        return list(reader.raw_messages()), reader.damage


@pytest.fixture(params=STORAGES)
def storage(request):
    return request.param


@pytest.fixture
def bag(tmp_path, storage):
    return record(tmp_path / "drive", MESSAGES, storage)


def test_a_whole_bag_has_no_damage(bag):
    assert read(bag) == (EXPECTED, None)


def test_a_folder_without_metadata_is_read_by_its_file(bag):
    (bag / "metadata.yaml").unlink()
    assert read(bag) == (EXPECTED, None)


@pytest.mark.parametrize("content", ["", "[", "a: b"])
def test_damaged_metadata_is_told_and_all_messages_are_read(bag, content):
    (bag / "metadata.yaml").write_text(content)
    messages, damage = read(bag)
    assert messages == EXPECTED
    assert damage.startswith("metadata.yaml cannot be read (")
    assert "\n" not in damage


def split(folder, storage, starts):
    """A recording of parts without metadata, each with three messages from its start."""
    folder.mkdir()
    for number, start in enumerate(starts):
        part = folder / f"part_{number}"
        messages = MESSAGES[start : start + 3]
        record(part, messages, storage, start_ns=start)
        target = folder / f"drive_{number}{SUFFIXES[storage]}"
        storage_file(part, storage).rename(target)
        shutil.rmtree(part)
    return folder


@pytest.mark.parametrize("starts", [(0, 3, 6, 9), (9, 0, 6, 3)])
def test_parts_of_a_split_recording_are_read_in_the_order_of_time(tmp_path, storage, starts):
    path = split(tmp_path / "drive", storage, starts)
    assert read(path) == (EXPECTED, None)
    with BagReader(path) as reader:
        assert reader.topics == {IMAGE: BagTopic("sensor_msgs/msg/Image", COUNT, False)}
        assert (reader.start_ns, reader.duration_ns) == (0, COUNT - 1)


def test_the_parts_after_a_damaged_one_are_read_too(tmp_path, storage):
    path = split(tmp_path / "drive", storage, (0, 3, 6, 9))
    cut(path / f"drive_1{SUFFIXES[storage]}", 100)
    messages, damage = read(path)
    assert messages == EXPECTED[:3] + EXPECTED[6:]
    assert damage.startswith(f"drive_1{SUFFIXES[storage]} is damaged or unfinished (")
    assert ";" not in damage


def test_several_damaged_parts_are_each_told(tmp_path, storage):
    path = split(tmp_path / "drive", storage, (0, 3, 6, 9))
    for number in (1, 2):
        file = path / f"drive_{number}{SUFFIXES[storage]}"
        cut(file, int(file.stat().st_size * 0.8) // 4096 * 4096 + 50)
    messages, damage = read(path)
    assert messages[:3] == EXPECTED[:3]
    assert messages[-3:] == EXPECTED[-3:]
    assert [part.partition(" ")[0] for part in damage.split("; ")] == [
        f"drive_{number}{SUFFIXES[storage]}" for number in (1, 2)
    ]


def test_a_file_that_metadata_lists_and_that_is_missing_is_told(bag, storage):
    information = yaml.safe_load((bag / "metadata.yaml").read_text())
    names = information["rosbag2_bagfile_information"]["relative_file_paths"]
    names.append(f"drive_1{SUFFIXES[storage]}")
    (bag / "metadata.yaml").write_text(yaml.safe_dump(information))
    assert read(bag) == (EXPECTED, f"{names[1]}, listed in metadata.yaml, is missing")


@pytest.mark.parametrize("with_metadata", [True, False])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_cut_bag_gives_its_good_part_and_then_says_so(bag, storage, share, with_metadata):
    if not with_metadata:
        (bag / "metadata.yaml").unlink()
    file = storage_file(bag, storage)
    kept = int(file.stat().st_size * share)
    cut(file, kept)
    if storage == "mcap" and share < 0.75:  # the first chunk, nine of twelve images, is cut
        with pytest.raises(OpenSetError, match="nothing of it is readable"):
            BagReader(bag)
        return
    messages, damage = read(bag)
    assert messages == EXPECTED[: len(messages)]
    # Chunks end after a megabyte, that is nine images; rows are lost one by one.
    assert len(messages) >= (9 if storage == "mcap" else COUNT * share - 3)
    assert damage.startswith(f"{file.name} is damaged or unfinished (")
    assert "\n" not in damage
    with BagReader(bag) as reader:
        list(reader.raw_messages())
        list(reader.raw_messages())
        assert reader.damage == damage


def test_messages_of_a_cut_bag_are_decoded_by_its_own_definitions(tmp_path):
    path = cut(record_mcap(tmp_path / "a.mcap", MESSAGES, index_types=IndexType.NONE), -20_000)
    with BagReader(path) as reader:
        values = [message.data[0] for _, _, message in reader.messages([IMAGE])]
        assert reader.topics[IMAGE].count == len(values) >= 10
    assert values == list(range(len(values)))


def test_rows_of_a_damaged_database_come_up_to_the_damage(tmp_path):
    bag = record(tmp_path / "drive", MESSAGES, "sqlite3")
    file = bag / "drive.db3"
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 3 * 4096] = b"\xff" * (3 * 4096)
    file.write_bytes(content)
    messages, damage = read(bag)
    assert messages == EXPECTED[: len(messages)]
    assert 4 <= len(messages) <= 8
    assert damage.startswith("drive.db3 is damaged or unfinished (database disk image")


def test_a_topic_that_lost_its_messages_is_told(tmp_path):
    messages = [(IMAGE, image(1, 1)), (LABELS, image(1, 1))]
    bag = record(tmp_path / "drive", messages, "sqlite3")
    run_sql(
        bag / "drive.db3",
        f"DELETE FROM messages WHERE topic_id = (SELECT id FROM topics WHERE name = '{LABELS}')",
    )
    read_messages, damage = read(bag)
    assert [topic for topic, _, _ in read_messages] == [IMAGE]
    assert f"declares 1 messages on {LABELS}, there are 0" in damage


@pytest.mark.parametrize("kept", [0, 5, 3000])
def test_a_bag_of_which_nothing_is_readable_is_one_error(bag, storage, kept):
    cut(storage_file(bag, storage), kept)
    for path in (bag, storage_file(bag, storage)):
        with pytest.raises(
            OpenSetError, match=f"cannot read the bag {re.escape(str(path))}, nothing"
        ) as error:
            BagReader(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_bags_that_rosbag2_compressed_are_read(tmp_path, monkeypatch, storage, mode):
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(unpacked))
    bag = record(
        tmp_path / "drive",
        MESSAGES,
        storage,
        prepare=lambda writer: writer.set_compression(mode, CompressionFormat.ZSTD),
    )
    with BagReader(bag) as reader:
        assert (list(reader.raw_messages()), reader.damage) == (EXPECTED, None)
        assert len(list(unpacked.iterdir())) == (mode is CompressionMode.FILE)
    assert list(unpacked.iterdir()) == []
    (bag / "metadata.yaml").unlink()
    assert read(bag) == (EXPECTED, None)


def test_a_compressed_file_that_is_cut_gives_its_good_part(tmp_path):
    bag = record(
        tmp_path / "drive",
        [(IMAGE, image(n, n, shape=(700, 1500))) for n in range(4)],
        prepare=lambda w: w.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD),
    )
    (file,) = bag.glob("*.zstd")
    cut(file, int(file.stat().st_size * 0.8))
    messages, damage = read(bag)
    assert 1 <= len(messages) < 4
    assert "drive.mcap.zstd is damaged or unfinished" in damage


def test_mcap_chunks_that_the_storage_compressed_are_read(tmp_path):
    bag = record(
        tmp_path / "drive",
        MESSAGES,
        prepare=lambda w: w.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD),
    )
    assert read(bag) == (EXPECTED, None)


def test_messages_that_are_not_of_ros_2_are_one_error(tmp_path):
    bag = record(tmp_path / "drive", MESSAGES[:1], "sqlite3")
    run_sql(bag / "drive.db3", "UPDATE topics SET serialization_format = 'json'")
    with pytest.raises(OpenSetError, match="holds no ROS 2 messages but json"):
        BagReader(bag)


def test_types_without_definition_are_those_of_jazzy(tmp_path):
    bag = record(tmp_path / "drive", [*MESSAGES[:1], ("/notes", text("hello"))], "sqlite3")
    run_sql(bag / "drive.db3", "DELETE FROM message_definitions WHERE topic_type LIKE 'std%'")
    with BagReader(bag) as reader:
        messages = {topic: message for topic, _, message in reader.messages()}
    assert messages["/notes"].data == "hello"
    assert messages[IMAGE].height == SHAPE[0]


def test_a_type_without_usable_definition_is_named_when_it_is_decoded(tmp_path):
    bag = record(tmp_path / "drive", [*MESSAGES[:1], (OUTLIER, image(1, 1))], "sqlite3")
    run_sql(
        bag / "drive.db3",
        f"UPDATE topics SET type = 'own_msgs/msg/Thing' WHERE name = '{OUTLIER}'",
        "UPDATE message_definitions SET encoded_message_definition = '% ! %'",
    )
    with BagReader(bag) as reader:
        assert len(list(reader.messages([IMAGE]))) == 1
        with pytest.raises(OpenSetError, match=rf"no usable definition of own_msgs.*{OUTLIER}"):
            list(reader.messages([OUTLIER]))


def test_memory_does_not_grow_with_the_bag(tmp_path, storage):
    peaks = []
    for count in (40, 160):
        messages = ((IMAGE, image(n, n % 256, shape=(200, 500))) for n in range(count))
        path = record(tmp_path / str(count), messages, storage)
        with BagReader(path) as reader:
            tracemalloc.start()
            assert sum(len(data) > 100_000 for _, _, data in reader.raw_messages()) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    # 160 messages are 16 MB; a chunk is 1 MB.
    assert max(peaks) < 5 * 2**20
    assert peaks[1] < 1.2 * peaks[0]
