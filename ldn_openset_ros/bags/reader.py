"""Read rosbag2 recordings without ROS, whole or damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard

from ldn_openset_ros.bags.bag_files import COMPRESSED_SUFFIX, METADATA_FILE, bag_files
from ldn_openset_ros.bags.definitions import read_types
from ldn_openset_ros.bags.mcap_file import McapFile
from ldn_openset_ros.bags.sqlite_file import SqliteFile
from ldn_openset_ros.bags.storage import CDR, Channel, StorageFile
from ldn_openset_ros.errors import OpenSetError, one_line

_FORMATS: dict[str, type[StorageFile]] = {".mcap": McapFile, ".db3": SqliteFile}
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_REMEDY = "copy it again, or repair it with `ros2 bag reindex` or `mcap recover`"


@dataclass(frozen=True)
class BagTopic:
    """What a bag says about one topic.

    type: for example "sensor_msgs/msg/Image".
    count: number of messages.
    latched: whether its publisher kept messages for late subscribers (transient local).
    """

    type: str
    count: int
    latched: bool


class BagReader:
    """Read the messages of a ROS 2 bag; a context manager, open from the start.

    path: a bag's folder, or one .mcap or .db3 file.
    topics: name to BagTopic, sorted by name.

    What can be read is read; the rest is told by `damage`, and only a bag of which nothing can be
    read is an OpenSetError:

    - A folder without a readable metadata.yaml is read by its storage files: one, or the parts of
      a split recording, `<name>_0`, `<name>_1` and so on. Files that are missing or not listed in
      metadata.yaml are damage.
    - An MCAP file without summary or index is read from its beginning; one that is cut or damaged
      is read up to the last whole chunk before.
    - A damaged SQLite file is read up to the first row that cannot be read.
    - Of a split recording, the parts after a damaged one are read too.

    Messages come in the order of time, part after part; in MCAP files without an index and damaged
    SQLite files in the order of recording, which is not always that of time. Memory does not grow
    with the bag. What rosbag2 compressed with zstd, by file or by message, and MCAP chunks of
    lz4 or zstd are read as well; compressed files are unpacked to the folder for temporary files.

    Message definitions come from the bag itself; one without any (older than ROS 2 Iron, sqlite3)
    is read with those of Jazzy.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        bag = bag_files(self.path)
        self._damage = dict.fromkeys(bag.faults)
        self._unpacked: TemporaryDirectory | None = None
        try:
            self._files = self._open(bag.files)
            self.topics = _summarise(self.path, self._channels())
            self._check_counts(bag.counts)
            with _damage_errors(self.path):
                self._types = read_types(self._channels())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> BagReader:
        """Return the open reader."""
        return self

    def __exit__(self, *exception) -> None:
        """Remove what was unpacked."""
        self.close()

    def close(self) -> None:
        """Remove what was unpacked."""
        if self._unpacked is not None:
            self._unpacked.cleanup()

    @property
    def damage(self) -> str | None:
        """What of the bag could not be read and why, one line; None = nothing that is known yet.

        Final when an iteration over the messages has ended: such an iteration ends early, without
        an error, where a file is damaged.
        """
        return "; ".join(self._damage) or None

    @property
    def start_ns(self) -> int:
        """Time of the first message in nanoseconds; 0 in a bag without messages."""
        times = [file.contents.start_ns for file in self._files.values()]
        return min((time_ns for time_ns in times if time_ns is not None), default=0)

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from the first to the last message."""
        times = [file.contents.end_ns for file in self._files.values()]
        return max((t for t in times if t is not None), default=self.start_ns) - self.start_ns

    def raw_messages(
        self, topics: Collection[str] | None = None
    ) -> Iterator[tuple[str, int, bytes]]:
        """Yield (topic, time of recording in nanoseconds, CDR bytes) in the order of the class.

        topics: names to keep; None = all. A name that the bag does not have is an error. Ends
        early where the bag is damaged: see `damage`.
        """
        names = set(self.topics if topics is None else topics)
        unknown = sorted(names - self.topics.keys())
        if unknown:
            raise OpenSetError(
                f"{self.path} has no topic {unknown[0]}: it has {', '.join(self.topics) or 'none'}"
            )
        for name, file in self._files.items():
            try:
                yield from _read(file, names)
            except OSError as error:
                raise OpenSetError(f"cannot read the bag {self.path}: {error}") from None
            except Exception as error:
                # On damaged bytes the parsers raise whatever they stumble over (struct.error,
                # TypeError, KeyError, ...): to the user they all mean the same.
                self._add_damage(name, one_line(error))

    def messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, int, object]]:
        """Yield (topic, time of recording in nanoseconds, message) in the order of the class.

        Messages have the fields of their ROS type; arrays of numbers are NumPy arrays.
        topics: names to keep; None = all. A name that the bag does not have is an error, and so
        is a message that cannot be decoded. Ends early where the bag is damaged: see `damage`.
        """
        for topic, time_ns, data in self.raw_messages(topics):
            yield topic, time_ns, self.deserialize(topic, data)

    def deserialize(self, topic: str, data: bytes) -> object:
        """Return the message in a topic's CDR bytes; OpenSetError where it cannot be decoded."""
        kind = self.topics[topic].type
        if kind not in self._types.fielddefs:
            raise OpenSetError(
                f"{self.path} has no usable definition of {kind}, the type of {topic}: record it "
                "again with ROS 2 Iron or newer"
            )
        try:
            return self._types.deserialize_cdr(data, kind)
        except Exception as error:  # whatever the parser stumbles over in damaged bytes
            reason = one_line(error)
            raise OpenSetError(
                f"{self.path}: the {kind} of {len(data)} bytes on {topic} is damaged ({reason})"
            ) from None

    def definition(self, topic: str) -> tuple[str, str]:
        """Return the definition of a topic's type, as rosbag2 stores it, and its RIHS01 hash."""
        kind = self.topics[topic].type
        return self._types.generate_msgdef(kind, ros_version=2)[0], self._types.hash_rihs01(kind)

    def _open(self, paths: tuple[Path, ...]) -> dict[str, StorageFile]:
        """Return the storage files of which something can be read, by name and start."""
        files = {}
        for path in paths:
            with _damage_errors(self.path):
                plain = self._unpack(path)
            try:
                file = _FORMATS[plain.suffix.lower()](plain)
            except Exception as error:  # as in raw_messages
                self._add_damage(path.name, one_line(error))
                continue
            if file.contents.damage is not None:
                self._add_damage(path.name, file.contents.damage)
            files[path.name] = file
        readable = any(file.contents.channels for file in files.values())
        if self._damage and not readable:
            raise OpenSetError(
                f"cannot read the bag {self.path}, nothing of it is readable ({self.damage}): "
                f"{_REMEDY}"
            )
        empty = float("inf")
        starts = {name: file.contents.start_ns for name, file in files.items()}
        order = sorted(files, key=lambda n: empty if starts[n] is None else starts[n])
        return {name: files[name] for name in order}

    def _unpack(self, path: Path) -> Path:
        if path.suffix.lower() != COMPRESSED_SUFFIX:
            return path
        self._unpacked = self._unpacked or TemporaryDirectory(prefix="bag_")
        plain = Path(self._unpacked.name, path.stem)
        with path.open("rb") as source, plain.open("wb") as target:
            try:
                zstandard.ZstdDecompressor().copy_stream(source, target)
            except zstandard.ZstdError as error:
                self._add_damage(path.name, one_line(error))
        return plain

    def _channels(self) -> list[Channel]:
        """Return the channels of all files that hold ROS 2 messages."""
        channels = [c for file in self._files.values() for c in file.contents.channels]
        readable = [channel for channel in channels if channel.serialisation == CDR]
        if channels and not readable:
            foreign = sorted({channel.serialisation for channel in channels})
            raise OpenSetError(
                f"{self.path} holds no ROS 2 messages but {', '.join(foreign)}: convert it first"
            )
        return readable

    def _check_counts(self, declared: dict[str, int]) -> None:
        if self._damage:
            return
        for topic, count in sorted(declared.items()):
            held = self.topics[topic].count if topic in self.topics else 0
            if held < count:
                self._add_damage(
                    METADATA_FILE, f"it declares {count} messages on {topic}, there are {held}"
                )

    def _add_damage(self, name: str, reason: str) -> None:
        self._damage[f"{name} is damaged or unfinished ({reason})"] = None


def _read(file: StorageFile, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
    missing: Counter[str] = Counter()
    for channel in file.contents.channels:
        if channel.topic in topics and channel.serialisation == CDR:
            missing[channel.topic] += channel.count
    for topic, time_ns, data in file.messages(topics):
        missing[topic] -= 1
        # No CDR message begins like this: rosbag2 compresses messages one by one on request.
        if data.startswith(_ZSTD_MAGIC):
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        yield topic, time_ns, data
    for topic, count in sorted(missing.items()):
        if count > 0:
            raise ValueError(f"{count} messages on {topic} are missing")


def _summarise(path: Path, channels: list[Channel]) -> dict[str, BagTopic]:
    topics: dict[str, BagTopic] = {}
    for channel in sorted(channels, key=lambda c: c.topic):
        known = topics.get(channel.topic, BagTopic(channel.type, 0, False))
        if known.type != channel.type:
            raise OpenSetError(
                f"{path} holds {channel.topic} both as {known.type} and as "
                f"{channel.type}: record it again with one of them"
            )
        topics[channel.topic] = BagTopic(
            known.type, known.count + channel.count, known.latched or channel.latched
        )
    return topics


@contextmanager
def _damage_errors(path: Path) -> Iterator[None]:
    # The same holds here as for the parsers of raw_messages.
    try:
        yield
    except OpenSetError:
        raise
    except OSError as error:
        raise OpenSetError(f"cannot read the bag {path}: {error}") from None
    except Exception as error:
        raise OpenSetError(
            f"cannot read the bag {path}, it is damaged or unfinished ({one_line(error)}): "
            f"{_REMEDY}"
        ) from None
