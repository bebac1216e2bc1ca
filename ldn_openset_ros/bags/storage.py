"""What one storage file of a bag holds, whatever its format."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from ldn_openset_ros.settings import parse_yaml

CDR = "cdr"
"""The serialisation of ROS 2; other channels of a file are no ROS 2 messages."""


@dataclass(frozen=True)
class Channel:
    """A topic of a storage file.

    type: for example "sensor_msgs/msg/Image". language: of `definition`, "ros2msg", "ros2idl" or
    "omgidl"; empty where the file has none. latched: whether its publisher kept messages for late
    subscribers (transient local). count: number of messages that can be read.
    """

    topic: str
    type: str
    serialisation: str
    language: str
    definition: str
    latched: bool
    count: int


@dataclass(frozen=True)
class Contents:
    """What a storage file holds.

    start_ns, end_ns: times of the first and last message, nanoseconds; None without messages.
    damage: why the file cannot be read to its end; None = it can.
    """

    channels: tuple[Channel, ...]
    start_ns: int | None
    end_ns: int | None
    damage: str | None = None


class StorageFile(Protocol):
    """A storage file; its contents are known when it has been made."""

    contents: Contents

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield (topic, time in nanoseconds, data); raise any exception where it is damaged."""


@dataclass
class Tally:
    """Counts of messages by channel id and their first and last time, for files without any."""

    counts: dict[int, int]
    start_ns: int | None = None
    end_ns: int | None = None

    def add(self, channel: int, time_ns: int) -> None:
        """Count a message."""
        self.counts[channel] = self.counts.get(channel, 0) + 1
        self.start_ns = time_ns if self.start_ns is None else min(self.start_ns, time_ns)
        self.end_ns = time_ns if self.end_ns is None else max(self.end_ns, time_ns)


def is_latched(profiles: str | None) -> bool:
    """Return whether QoS profiles, in rosbag2's YAML, have a transient local one."""
    try:
        listed = parse_yaml((profiles or "").encode()) or ()
        return any(profile["durability"] in (1, "transient_local") for profile in listed)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ):  # foreign writers: not worth losing the bag
        return False
