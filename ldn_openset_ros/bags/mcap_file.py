"""Read one MCAP file, by its index or, where it has none, from its beginning."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from mcap.exceptions import EndOfFile, McapError
from mcap.reader import SeekingReader
from mcap.records import Channel as McapChannel
from mcap.records import Chunk, DataEnd, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap.summary import Summary

from ldn_openset_ros.bags.storage import Channel, Contents, Tally, is_latched
from ldn_openset_ros.errors import one_line

_BLOCK = 2**20
"""Bytes that are read at once for a checksum."""


class McapFile:
    """An MCAP file, https://mcap.dev/spec.

    With its index, messages come in the order of time. A file without one (its recorder was
    killed, or told to write none) is read through once to learn what it holds, and its messages
    come in the order in which they lie in the file: that of recording, which is nearly always
    that of time. Checksums of chunks are compared where the file has them. Memory is that of the
    chunks whose times overlap, mostly one.

    Where the file is cut or damaged, whole chunks before the damage can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            summary = _read_index(file)
        self._indexed = summary is not None
        self.contents = self._scan() if summary is None else _summarised(summary)

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield (topic, log time in nanoseconds, data); raise where the file is damaged."""
        with self._path.open("rb") as file:
            if self._indexed:
                reader = SeekingReader(file, validate_crcs=True)
                records = reader.iter_messages(topics)
            else:
                records = self._records(file, topics)
            for _, channel, message in records:
                yield channel.topic, message.log_time, message.data

    def _records(
        self, file: BinaryIO, topics: Collection[str] | None = None
    ) -> Iterator[tuple[Schema | None, McapChannel, Message]]:
        schemas: dict[int, Schema | None] = {0: None}
        channels: dict[int, McapChannel] = {}
        try:
            for record in self._data(file):
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, McapChannel):
                    channels[record.id] = record
                elif isinstance(record, Message):
                    channel = channels[record.channel_id]
                    if topics is None or channel.topic in topics:
                        yield schemas[channel.schema_id], channel, record
        except EndOfFile:
            raise McapError("the file ends before its end mark") from None
        except KeyError as error:
            raise McapError(f"no channel or schema has the id {error}") from None

    def _data(self, file: BinaryIO) -> Iterator[McapRecord]:
        """Yield the records of the data section, and read on to the end mark.

        Records outside of chunks have no checksum. One whose kind is damaged may look like a
        message: in the summary none counts, and among chunks none is expected.
        """
        # No record is longer than the file: a damaged length must not ask for the memory.
        limit = self._path.stat().st_size
        stream = StreamReader(file, emit_chunks=True, validate_crcs=True, record_size_limit=limit)
        in_data, in_chunks = True, False
        for record in stream.records:
            if isinstance(record, DataEnd):
                in_data = False
            elif in_data and isinstance(record, Chunk):
                in_chunks = True
                yield from breakup_chunk(record, validate_crc=True)
            elif in_data and in_chunks and isinstance(record, Message):
                raise McapError("a message outside of the chunks")
            elif in_data:
                yield record

    def _scan(self) -> Contents:
        schemas: dict[int, Schema | None] = {}
        channels: dict[int, McapChannel] = {}
        tally = Tally({})
        damage = None
        try:
            with self._path.open("rb") as file:
                for schema, channel, message in self._records(file):
                    channels[channel.id], schemas[channel.schema_id] = channel, schema
                    tally.add(channel.id, message.log_time)
        except OSError:
            raise
        except Exception as error:  # on damaged bytes the parser raises whatever it stumbles over
            damage = one_line(error)
        return Contents(
            tuple(
                _describe(channel, schemas[channel.schema_id], tally.counts[channel.id])
                for channel in channels.values()
            ),
            tally.start_ns,
            tally.end_ns,
            damage,
        )


def _read_index(file: BinaryIO) -> Summary | None:
    """Return the summary of a file; None where it has none that suffices to read by it."""
    try:
        if not _has_sound_summary(file):
            return None
        file.seek(0)
        summary = SeekingReader(file).get_summary()
    except Exception:  # whatever the parser stumbles over; also a file shorter than a footer
        return None
    if summary is None or summary.statistics is None or not summary.chunk_indexes:
        return None
    known = all(
        number in summary.channels
        for number, count in summary.statistics.channel_message_counts.items()
        if count
    )
    described = all(
        channel.schema_id in summary.schemas or channel.schema_id == 0
        for channel in summary.channels.values()
    )
    complete = len(summary.chunk_indexes) == summary.statistics.chunk_count
    return summary if known and described and complete else None


def _has_sound_summary(file: BinaryIO) -> bool:
    """Return whether a file's summary agrees with its checksum, where it has one.

    A file ends with two offsets of 8 bytes, the first that of the summary, the checksum of all
    from there to the end of the second, 4 bytes, 0 for none, and an end mark of 8 bytes.
    """
    end = file.seek(-12, os.SEEK_END)
    file.seek(end - 16)
    start, _, expected = struct.unpack("<QQI", file.read(20))
    if not expected:
        return True
    checksum, left = 0, end - file.seek(start)
    while left > 0:
        block = file.read(min(left, _BLOCK))
        checksum, left = zlib.crc32(block, checksum), left - len(block)
    return checksum == expected


def _summarised(summary: Summary) -> Contents:
    statistics = summary.statistics
    counts = statistics.channel_message_counts
    return Contents(
        tuple(
            _describe(channel, summary.schemas.get(channel.schema_id), counts.get(number, 0))
            for number, channel in sorted(summary.channels.items())
        ),
        statistics.message_start_time if statistics.message_count else None,
        statistics.message_end_time if statistics.message_count else None,
    )


def _describe(channel: McapChannel, schema: Schema | None, count: int) -> Channel:
    return Channel(
        channel.topic,
        schema.name if schema else "",
        channel.message_encoding,
        schema.encoding if schema else "",
        schema.data.decode(errors="replace") if schema else "",
        is_latched(channel.metadata.get("offered_qos_profiles")),
        count,
    )
