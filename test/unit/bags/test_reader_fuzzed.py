"""Bags with any damage: what is good of them and what is wrong, or one OpenSetError."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import yaml
import zstandard
from fuzzing import attempt, damaged, is_one_line, with_other_entry, yaml_bombs
from hypothesis import given
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType
from recordings import (
    IMAGE,
    OUTLIER,
    STORAGES,
    cdr,
    image,
    pixels_message,
    record,
    record_mcap,
    run_sql,
    storage_file,
)

from ldn_openset_ros.bags.discovery import find_topics
from ldn_openset_ros.bags.faults import KINDS, Faults
from ldn_openset_ros.bags.frames import frames
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.errors import OpenSetError

COUNT = 6
SHAPE = (5, 7)
MESSAGES = [
    entry
    for number in range(COUNT)
    for entry in (
        (IMAGE, pixels_message(1 + number, np.full((*SHAPE, 3), number, np.uint8), "rgb8")),
        (OUTLIER, image(1 + number, number % 2, shape=SHAPE)),
    )
]
EXPECTED = [(topic, number, cdr(message)) for number, (topic, message) in enumerate(MESSAGES)]
MCAP_KINDS = {
    "plain": {},
    "lz4": {"compression": CompressionType.LZ4},
    "zstd": {"compression": CompressionType.ZSTD, "chunk_size": 500},
    "without index": {"index_types": IndexType.NONE, "use_statistics": False},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bags")


@pytest.fixture(scope="module", params=MCAP_KINDS)
def mcap(request, folder) -> bytes:
    return record_mcap(folder / "good.mcap", MESSAGES, **MCAP_KINDS[request.param]).read_bytes()


@pytest.fixture(scope="module", params=[kind for kind in MCAP_KINDS if kind != "without index"])
def indexed(request, folder) -> bytes:
    return record_mcap(folder / "good.mcap", MESSAGES, **MCAP_KINDS[request.param]).read_bytes()


@pytest.fixture(scope="module")
def database(folder) -> bytes:
    bag = record(folder / "database", MESSAGES, "sqlite3")
    return storage_file(bag, "sqlite3").read_bytes()


@pytest.fixture(params=STORAGES)
def bag(request, tmp_path):
    return record(tmp_path / "drive", MESSAGES, request.param)


def read(path):
    """The messages of a bag and what of it was not read, or why it is refused."""
    return attempt(_read, path)


def _read(path):
    with BagReader(path) as reader:
        messages = list(reader.raw_messages())
        damage = reader.damage
        attempt(read_frames, reader)
    assert damage is None or is_one_line(damage)
    return messages, damage


def read_frames(reader):
    """Read a bag's frames as an evaluation does: what is wrong with them is named."""
    faults = []
    for frame in frames(reader, find_topics(reader), Faults(faults.append)):
        assert frame.rgb is None or frame.rgb.dtype == np.uint8
    assert {fault.kind for fault in faults} <= set(KINDS)
    assert all(is_one_line(fault.reason) for fault in faults)


def check_mcap(path, content):
    """Read what is left of a file and return it; no message is another or in another place."""
    path.write_bytes(content)
    found = read(path)
    if not isinstance(found, OpenSetError):
        assert found[0] == [message for message in EXPECTED if message in found[0]]
    return found


@given(st.data())
def test_a_damaged_mcap_file_gives_good_messages_alone(mcap, tmp_path, data):
    check_mcap(tmp_path / "a.mcap", data.draw(damaged(mcap)))


@given(st.data())
def test_an_mcap_file_with_a_wrong_byte_gives_all_messages_or_says_so(indexed, tmp_path, data):
    content = bytearray(indexed)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    found = check_mcap(tmp_path / "a.mcap", content)
    assert isinstance(found, OpenSetError) or found[0] == EXPECTED or found[1] is not None


@given(st.data())
def test_a_cut_mcap_file_gives_its_good_messages_and_says_so(mcap, tmp_path, data):
    content = mcap[: data.draw(st.integers(0, len(mcap) - 1))]
    found = check_mcap(tmp_path / "a.mcap", content)
    assert isinstance(found, OpenSetError) or found[1] is not None


@given(st.data())
def test_a_damaged_database_gives_its_good_messages_and_says_so(database, tmp_path, data):
    path = tmp_path / "a.db3"
    path.write_bytes(data.draw(damaged(database)))
    found = read(path)
    if isinstance(found, OpenSetError):
        return
    messages, damage = found
    # SQLite keeps no checksums: what a message says may be another, but not how many there are.
    assert len(messages) <= COUNT * 2
    assert len(messages) == COUNT * 2 or damage is not None


@given(st.data())
def test_damaged_metadata_costs_no_message(bag, data):
    check_metadata(bag, lambda good: data.draw(damaged(good)))


@given(st.data())
def test_metadata_with_any_other_entry_costs_no_message(bag, data):
    def change(good):
        values = data.draw(with_other_entry(yaml.safe_load(good)))
        return yaml.safe_dump(values, allow_unicode=True).encode()

    check_metadata(bag, change)


@pytest.mark.parametrize("name", yaml_bombs())
def test_metadata_that_is_a_bomb_costs_no_message(bag, name):
    damage = check_metadata(bag, lambda good: yaml_bombs()[name])
    assert damage.startswith("metadata.yaml cannot be read (")


def check_metadata(bag, change):
    """Read a bag with other metadata; return its damage."""
    good = bag.with_name("good.yaml")
    if not good.exists():
        shutil.copy(bag / "metadata.yaml", good)
    (bag / "metadata.yaml").write_bytes(change(good.read_bytes()))
    messages, damage = read(bag)
    assert messages == EXPECTED
    return damage


@given(st.data())
def test_a_damaged_compressed_file_gives_its_good_messages_and_says_so(folder, data):
    good = folder / "packed.mcap.zstd"
    if not good.exists():
        content = record_mcap(folder / "packed.mcap", MESSAGES).read_bytes()
        good.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(content))
    path = folder / "broken.mcap.zstd"
    path.write_bytes(data.draw(damaged(good.read_bytes())))
    found = read(path)
    if not isinstance(found, OpenSetError):
        assert found[0] == [message for message in EXPECTED if message in found[0]]
        assert found[0] == EXPECTED or found[1] is not None


@given(st.data())
def test_any_damage_to_a_message_is_named(folder, data):
    """The bytes of one message are others; all files around them are whole."""
    number = data.draw(st.integers(0, len(EXPECTED) - 1))
    topic, _, good = EXPECTED[number]
    messages = list(MESSAGES)
    messages[number] = (topic, data.draw(damaged(good)))
    bag = folder / "message"
    shutil.rmtree(bag, ignore_errors=True)
    found = read(record(bag, messages))
    expected = [
        (topic, time_ns, message if isinstance(message, bytes) else cdr(message))
        for time_ns, (topic, message) in enumerate(messages)
    ]
    assert found == (expected, None)


@pytest.mark.parametrize("table", ["topics", "messages"])
def test_a_view_without_end_is_no_table(tmp_path, table):
    path = storage_file(record(tmp_path / "drive", MESSAGES, "sqlite3"), "sqlite3")
    columns = {"messages": "1, 1, n, x''", "topics": "n, 'a', 'b', 'cdr', ''"}[table]
    run_sql(
        path,
        f"ALTER TABLE {table} RENAME TO other",
        f"CREATE VIEW {table} AS WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 "
        f"FROM count) SELECT {columns} FROM count",
    )
    with pytest.raises(OpenSetError, match="it has no tables topics and messages"):
        BagReader(path)
