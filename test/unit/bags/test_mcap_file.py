"""MCAP files: with and without an index, cut and damaged."""

from __future__ import annotations

import pytest
from mcap.writer import CompressionType, IndexType
from recordings import IMAGE, IMAGE_TYPE, OUTLIER, cdr, cut, image, record_mcap

from ldn_openset_ros.bags.mcap_file import McapFile

MESSAGES = [(IMAGE, image(number, number, shape=(20, 30))) for number in range(6)]
EXPECTED = [(IMAGE, number, cdr(message)) for number, (_, message) in enumerate(MESSAGES)]
NO_INDEX = {
    "index_types": IndexType.NONE,
    "use_statistics": False,
    "use_summary_offsets": False,
    "repeat_channels": False,
    "repeat_schemas": False,
}


def read(path, topics=(IMAGE,)):
    """The messages of a file, and the exception that ends them, if any."""
    messages = []
    try:
        for message in McapFile(path).messages(topics):
            messages.append(message)
    except Exception as error:
        return messages, error
    return messages, None


@pytest.mark.parametrize("compression", CompressionType)
@pytest.mark.parametrize(
    "options",
    [{}, NO_INDEX, {"use_chunking": False}, {"use_statistics": False}, {"repeat_schemas": False}],
)
def test_all_messages_are_read_whatever_the_file_says_about_itself(tmp_path, compression, options):
    path = record_mcap(tmp_path / "a.mcap", MESSAGES, compression=compression, **options)
    contents = McapFile(path).contents
    (channel,) = contents.channels
    assert (channel.topic, channel.type, channel.count) == (IMAGE, IMAGE_TYPE, 6)
    assert (channel.serialisation, channel.language) == ("cdr", "ros2msg")
    assert "uint32 height" in channel.definition
    assert (contents.start_ns, contents.end_ns, contents.damage) == (0, 5, None)
    assert read(path) == (EXPECTED, None)


def test_an_index_gives_the_order_of_time_and_none_that_of_recording(tmp_path):
    times = [0, 3, 2, 1, 5, 4]
    indexed = record_mcap(tmp_path / "a.mcap", MESSAGES, times)
    assert [time_ns for _, time_ns, _ in read(indexed)[0]] == [0, 1, 2, 3, 4, 5]
    bare = record_mcap(tmp_path / "b.mcap", MESSAGES, times, **NO_INDEX)
    assert [time_ns for _, time_ns, _ in read(bare)[0]] == times
    contents = McapFile(bare).contents
    assert (contents.start_ns, contents.end_ns) == (0, 5)


def with_other_kind(path, kind, other, number):
    """Turn record `number` of those of a kind (an opcode and its length) into another kind."""
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(number + 1):
        place = content.index(kind, place + 1)
    content[place] = other
    path.write_bytes(content)
    return path


def test_a_record_of_the_summary_is_no_message(tmp_path):
    """One damaged byte makes a message of the channel that the summary repeats."""
    path = record_mcap(tmp_path / "a.mcap", MESSAGES)
    channel = b"\x04\x24" + bytes(7)
    contents = path.read_bytes()
    assert contents.count(channel) == 2
    with_other_kind(path, channel, 5, 1)
    messages, error = read(path)
    assert (messages, error) == (EXPECTED, None)


def test_a_record_among_chunks_is_no_message(tmp_path):
    """One damaged byte makes a message of an entry of a chunk's index."""
    path = record_mcap(tmp_path / "a.mcap", MESSAGES)
    with_other_kind(path, b"\x07\x16" + bytes(7), 5, 2)
    cut(path, -20)  # so that it is read from its beginning
    messages, error = read(path)
    assert messages == EXPECTED[:3]
    assert str(error) == "a message outside of the chunks"


def test_only_the_wanted_topics_come(tmp_path):
    messages = [*MESSAGES, (OUTLIER, image(1, 1))]
    for options in ({}, NO_INDEX):
        path = record_mcap(tmp_path / "a.mcap", messages, **options)
        assert [topic for topic, _, _ in read(path, [OUTLIER])[0]] == [OUTLIER]


@pytest.mark.parametrize("compression", CompressionType)
def test_a_file_without_its_summary_is_read_to_its_end(tmp_path, compression):
    path = record_mcap(tmp_path / "a.mcap", MESSAGES, compression=compression)
    # The last record before the summary is that of the end of data: opcode 0x0F, 4 bytes.
    end = path.read_bytes().rindex(b"\x0f\x04\x00\x00\x00\x00\x00\x00\x00")
    cut(path, end)
    assert McapFile(path).contents.damage == "the file ends before its end mark"
    messages, error = read(path)
    assert messages == EXPECTED
    assert str(error) == "the file ends before its end mark"


@pytest.mark.parametrize("compression", CompressionType)
def test_a_file_cut_anywhere_gives_the_whole_chunks_before(tmp_path, compression):
    path = record_mcap(tmp_path / "a.mcap", MESSAGES, compression=compression)
    whole = path.read_bytes()
    counts = []
    for kept in range(0, len(whole), 97):
        path.write_bytes(whole[:kept])
        messages, error = read(path)
        assert messages == EXPECTED[: len(messages)]
        assert error is not None
        assert McapFile(path).contents.damage is not None
        counts.append(len(messages))
    assert counts == sorted(counts)
    assert set(counts) == set(range(7))


@pytest.mark.parametrize("options", [{}, NO_INDEX])
def test_a_chunk_that_fails_its_checksum_ends_the_reading(tmp_path, options):
    path = record_mcap(tmp_path / "a.mcap", MESSAGES, **options)
    content = bytearray(path.read_bytes())
    # 600 pixels of the value 3 lie in the fourth chunk, as they are.
    content[content.index(bytes([3]) * 600) + 300] = 99
    path.write_bytes(content)
    messages, error = read(path)
    assert messages == EXPECTED[:3]
    assert "crc" in str(error)


def test_a_record_that_claims_to_be_huge_asks_for_no_memory(tmp_path):
    path = record_mcap(tmp_path / "a.mcap", MESSAGES, **NO_INDEX)
    content = bytearray(path.read_bytes())
    first_chunk = content.index(b"\x06", 9)
    content[first_chunk + 1 : first_chunk + 9] = (2**31).to_bytes(8, "little")
    path.write_bytes(content)
    assert "exceeds limit" in McapFile(path).contents.damage
