"""Read rosbag2 recordings without ROS."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection, QosDurability
from rosbags.typesys import Stores, get_typestore

from ldn_openset_ros.errors import OpenSetError


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

    Message definitions come from the bag itself; one without any (older than ROS 2 Iron, sqlite3)
    is read with those of Jazzy. Raises OpenSetError for a missing, damaged or foreign path, also
    in the middle of reading.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        _check_path(self.path)
        with _damage_errors(self.path):
            self._reader = AnyReader(
                [self.path], default_typestore=get_typestore(Stores.ROS2_JAZZY)
            )
            self._reader.open()
        self.topics = _summarise(self.path, self._reader.connections)

    def __enter__(self) -> BagReader:
        """Return the open reader."""
        return self

    def __exit__(self, *exception) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    @property
    def start_ns(self) -> int:
        """Time of the first message in nanoseconds; meaningless in a bag without messages."""
        return self._reader.start_time

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from the first to the last message."""
        return max(0, self._reader.duration - 1)

    def raw_messages(
        self, topics: Collection[str] | None = None
    ) -> Iterator[tuple[str, int, bytes]]:
        """Yield (topic, time of recording in nanoseconds, CDR bytes) in the order of time.

        topics: names to keep; None = all. A name that the bag does not have is an error.
        """
        for connection, time_ns, data in self._read(topics):
            yield connection.topic, time_ns, data

    def messages(self, topics: Collection[str] | None = None) -> Iterator[tuple[str, int, object]]:
        """Yield (topic, time of recording in nanoseconds, message) in the order of time.

        Messages have the fields of their ROS type; arrays of numbers are NumPy arrays.
        topics: names to keep; None = all. A name that the bag does not have is an error.
        """
        for connection, time_ns, data in self._read(topics):
            with _damage_errors(self.path):
                message = self._reader.deserialize(data, connection.msgtype)
            yield connection.topic, time_ns, message

    def _read(self, topics: Collection[str] | None) -> Iterator[tuple[Connection, int, bytes]]:
        names = self.topics.keys() if topics is None else set(topics)
        for name in names:
            if name not in self.topics:
                raise OpenSetError(
                    f"{self.path} has no topic {name}: it has {', '.join(self.topics) or 'none'}"
                )
        wanted = [c for c in self._reader.connections if c.topic in names]
        if not wanted:
            return
        missing = {name for name in names if self.topics[name].count}
        with _damage_errors(self.path):
            for connection, time_ns, data in self._reader.messages(wanted):
                missing.discard(connection.topic)
                yield connection, time_ns, data
        # rosbags passes over a channel whose description differs between metadata.yaml and the
        # storage file: better an error than an empty topic.
        if missing:
            raise OpenSetError(
                f"{self.path} declares messages on {', '.join(sorted(missing))} and holds none: "
                "rebuild its metadata with `ros2 bag reindex`"
            )


def _check_path(path: Path) -> None:
    if not path.exists():
        raise OpenSetError(f"no bag at {path}: give a bag's folder, a .mcap or a .db3 file")
    if path.is_dir() and not (path / "metadata.yaml").is_file():
        raise OpenSetError(
            f"{path} is no bag, it has no metadata.yaml: give a bag's folder, or rebuild the file "
            "with `ros2 bag reindex`"
        )
    if path.suffix == ".bag" and path.is_file():
        raise OpenSetError(f"{path} is a ROS 1 bag: convert it with `rosbags-convert` first")
    if path.is_file() and path.suffix not in (".mcap", ".db3"):
        raise OpenSetError(f"{path} is no bag: give a bag's folder, a .mcap or a .db3 file")


def _summarise(path: Path, connections: list[Connection]) -> dict[str, BagTopic]:
    topics: dict[str, BagTopic] = {}
    for connection in sorted(connections, key=lambda c: c.topic):
        profiles = connection.ext.offered_qos_profiles
        latched = any(p.durability is QosDurability.TRANSIENT_LOCAL for p in profiles)
        known = topics.get(connection.topic, BagTopic(connection.msgtype, 0, False))
        if known.type != connection.msgtype:
            raise OpenSetError(
                f"{path} holds {connection.topic} both as {known.type} and as "
                f"{connection.msgtype}: record it again with one of them"
            )
        topics[connection.topic] = BagTopic(
            known.type, known.count + connection.msgcount, known.latched or latched
        )
    return topics


@contextmanager
def _damage_errors(path: Path) -> Iterator[None]:
    # On damaged bytes the parsers below raise whatever they stumble over (struct.error,
    # UnicodeDecodeError, TypeError, KeyError, ...): to the user they all mean the same.
    try:
        yield
    except OpenSetError:
        raise
    except OSError as error:
        raise OpenSetError(f"cannot read the bag {path}: {error}") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise OpenSetError(
            f"cannot read the bag {path}, it is damaged or unfinished ({reason}): copy it again, "
            "or repair it with `ros2 bag reindex` or `mcap recover`"
        ) from None
