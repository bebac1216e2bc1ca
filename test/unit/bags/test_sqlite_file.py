"""SQLite files of rosbag2: whole, of old versions, cut, damaged, and with a write-ahead log."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from recordings import IMAGE, IMAGE_TYPE, OUTLIER, cdr, cut, image, record, run_sql, storage_file

from ldn_openset_ros.bags.sqlite_file import SqliteFile

PAGE = 4096
MESSAGES = [(IMAGE, image(number, number, shape=(120, 160))) for number in range(20)]
EXPECTED = [(IMAGE, number, cdr(message)) for number, (_, message) in enumerate(MESSAGES)]


@pytest.fixture
def path(tmp_path):
    return storage_file(record(tmp_path / "bag", MESSAGES, "sqlite3"), "sqlite3")


def read(path, topics=(IMAGE,)):
    """The messages of a file, and the exception that ends them, if any."""
    messages = []
    try:
        for message in SqliteFile(path).messages(topics):
            messages.append(message)
    except ValueError as error:
        return messages, error
    return messages, None


def test_all_messages_are_read(path):
    contents = SqliteFile(path).contents
    (channel,) = contents.channels
    assert (channel.topic, channel.type, channel.count) == (IMAGE, IMAGE_TYPE, 20)
    assert (channel.serialisation, channel.language) == ("cdr", "ros2msg")
    assert (contents.start_ns, contents.end_ns, contents.damage) == (0, 19, None)
    assert read(path) == (EXPECTED, None)


def test_messages_come_in_the_order_of_time_with_or_without_an_index(path):
    run_sql(path, "UPDATE messages SET timestamp = 19 - timestamp")
    backwards = [data for _, _, data in reversed(EXPECTED)]
    assert [data for _, _, data in read(path)[0]] == backwards
    run_sql(path, "DROP INDEX timestamp_idx")
    assert [data for _, _, data in read(path)[0]] == backwards


def test_only_the_wanted_topics_come(tmp_path):
    bag = record(tmp_path / "both", [*MESSAGES, (OUTLIER, image(1, 1))], "sqlite3")
    assert [t for t, _, _ in read(storage_file(bag, "sqlite3"), [OUTLIER])[0]] == [OUTLIER]


def test_files_of_older_versions_are_read(path):
    run_sql(
        path,
        "DROP TABLE message_definitions",
        "ALTER TABLE topics DROP COLUMN type_description_hash",
        "ALTER TABLE topics DROP COLUMN offered_qos_profiles",
        "DROP TABLE schema",
    )
    (channel,) = SqliteFile(path).contents.channels
    assert (channel.language, channel.definition, channel.latched) == ("", "", False)
    assert read(path) == (EXPECTED, None)


def test_a_file_cut_anywhere_gives_the_rows_before(path):
    whole = path.read_bytes()
    counts = []
    for kept in range(8 * PAGE, len(whole), PAGE // 2):
        path.write_bytes(whole[:kept])
        messages, error = read(path)
        assert messages == EXPECTED[: len(messages)]
        assert "pages" in str(error)
        counts.append(len(messages))
    assert counts == sorted(counts)
    assert counts[0] < 3
    assert counts[-1] > 15


def test_rows_of_a_page_that_is_cut_are_not_read(tmp_path):
    # Eight small messages a page: what SQLite takes for the rest of a cut page are zeros.
    small = [(IMAGE, image(number, number, shape=(18, 20))) for number in range(1, 200)]
    file = storage_file(record(tmp_path / "small", small, "sqlite3"), "sqlite3")
    expected = [(IMAGE, number, cdr(message)) for number, (_, message) in enumerate(small)]
    whole = file.read_bytes()
    counts = set()
    for kept in range(10 * PAGE, len(whole), 777):
        file.write_bytes(whole[:kept])
        messages, error = read(file)
        assert messages == expected[: len(messages)]
        assert error is not None
        counts.add(len(messages))
    assert len(counts) > 10


def test_the_damage_of_a_cut_file_is_known_from_the_start(path):
    cut(path, path.stat().st_size // PAGE // 2 * PAGE)
    contents = SqliteFile(path).contents
    assert contents.damage is not None
    assert 0 < contents.channels[0].count < 20


def test_pages_of_noise_in_the_middle_end_the_reading_before_them(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // PAGE // 2 * PAGE
    content[middle : middle + 3 * PAGE] = b"\xff" * (3 * PAGE)
    path.write_bytes(content)
    messages, error = read(path)
    assert 3 < len(messages) < 19
    # A page of pixels alone has no checksum: only the last message may hold some of the noise.
    assert messages[:-1] == EXPECTED[: len(messages) - 1]
    assert error is not None


def test_a_damaged_index_alone_loses_nothing(path):
    content = bytearray(path.read_bytes())
    database = sqlite3.connect(path)
    ((root,),) = database.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'timestamp_idx'"
    )
    database.close()
    content[(root - 1) * PAGE : root * PAGE] = b"\xff" * PAGE
    path.write_bytes(content)
    assert read(path) == (EXPECTED, None)
    assert SqliteFile(path).contents.damage is not None


def test_what_a_killed_recorder_left_in_its_log_is_read(path, tmp_path):
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    ((topic,),) = writer.execute("SELECT id FROM topics")
    row = (topic, 20, cdr(image(20, 7)))
    writer.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", row)
    writer.commit()
    left = tmp_path / "left"
    left.mkdir()
    # What a killed process leaves: the files as they are while it is still writing.
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.with_name(name), left / name)
    writer.close()
    messages, error = read(left / path.name)
    assert (len(messages), error) == (21, None)
    assert messages[-1] == (IMAGE, 20, row[2])
    assert (left / f"{path.name}-wal").stat().st_size > 0
