"""Node `player`: replay a bag on its topics, at its pace."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from ldn_openset_ros.bags.reader import BagReader, BagTopic
from ldn_openset_ros.bags.topics import (
    COMPRESSED_IMAGE_TOPIC,
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TOPIC,
    IMAGE_TYPE,
)
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.process import run_node
from ldn_openset_ros.ros.start_parameters import declare_once, warn_of_unknown

NODE_NAME = "player"
IMAGE_TYPES = (IMAGE_TYPE, COMPRESSED_IMAGE_TYPE)

DEPTH = 10
"""Messages a publisher keeps for a slow reliable subscriber."""

ACKNOWLEDGEMENT_TIMEOUT = 10.0
"""Seconds to wait at the end for subscribers that have not confirmed the last messages."""

FIRST_WORD, NEXT_WORD = 2.0, 30.0
"""Seconds of waiting for subscribers until that is told, and until it is told again."""

_BILLION = 1_000_000_000


@dataclass(frozen=True)
class PlayerSettings:
    """The node's parameters; all are read once, at the start.

    bag: folder of a bag, or a .mcap or .db3 file.
    rate: factor of speed, 0.01 to 100; 1.0 is the recorded pace.
    loop: start again at the end; the stamps jump back then, and /clock with them.
    clock: publish the bag's time on /clock.
    clock_frequency: of /clock, in hertz of wall time, 1 to 1000.
    wait_for_subscribers: seconds to wait, at most, for subscribers of an image topic; 0 to 3600.
    subscribers: how many to wait for, 1 to 100.
    start_delay: seconds between that and the first message, 0 to 3600. The default leaves a
        best-effort subscriber time to discover the player as well.
    topics: names of the topics to play; empty plays all.
    """

    bag: Path
    rate: float
    loop: bool
    clock: bool
    clock_frequency: float
    wait_for_subscribers: float
    subscribers: int
    start_delay: float
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Pace:
    """The map between the bag's time and the machine's monotonic clock.

    origin: monotonic seconds at which the bag's time is `start_ns`.
    rate: seconds of the bag in a second of the machine.
    """

    origin: float
    start_ns: int
    rate: float

    def due(self, time_ns: int) -> float:
        """Return the monotonic time, in seconds, of a moment of the bag."""
        return self.origin + (time_ns - self.start_ns) / _BILLION / self.rate

    def bag_time(self, now: float) -> int:
        """Return the bag's time, in nanoseconds, at a monotonic time."""
        return self.start_ns + round((now - self.origin) * self.rate * _BILLION)


class Player(Node):
    """Publish the messages of a bag as they were recorded: types, topics, contents, distances.

    Header stamps stay as they are. Topics of types that are not installed are named and left out.
    Publishers are reliable, and transient local where the recorded ones were.
    """

    def __init__(self, **node_arguments) -> None:
        super().__init__(NODE_NAME, **node_arguments)
        self.settings = _read_settings(self)
        warn_of_unknown(self)
        self._reader = BagReader(self.settings.bag)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self)
        self._clock_publisher = (
            self.create_publisher(Clock, "/clock", DEPTH) if self.settings.clock else None
        )
        self._next_clock = 0.0
        self._publishers_by_topic = {
            name: publisher
            for name, topic in self._selected_topics().items()
            if (publisher := self._create_publisher(name, topic)) is not None
        }
        if not self._publishers_by_topic:
            raise OpenSetError(f"{self.settings.bag} has nothing to play: choose other `topics`")

    def play(self) -> None:
        """Play the bag to its end, or for ever with `loop`; return early on shutdown.

        Returns after reliable subscribers have confirmed the last messages.
        """
        settings = self.settings
        self._wait_for_subscribers()
        self._spin_until(time.monotonic() + settings.start_delay)
        self.get_logger().info(
            f"playing {settings.bag}: {', '.join(self._publishers_by_topic)} at {settings.rate:g} "
            "times the recorded pace"
        )
        self._play_once()
        while settings.loop and self.context.ok():
            self._play_once()
        self._wait_for_acknowledgements()

    def close(self) -> None:
        """Close the bag and leave the network."""
        self._reader.close()
        self._executor.shutdown()
        self.destroy_node()

    def _selected_topics(self) -> dict[str, BagTopic]:
        topics = self._reader.topics
        for name in self.settings.topics:
            if name not in topics:
                raise OpenSetError(
                    f"parameter topics: {self.settings.bag} has no {name}, it has "
                    f"{', '.join(topics) or 'none'}"
                )
        selected = {n: topics[n] for n in self.settings.topics or topics}
        if self.settings.clock and selected.pop("/clock", None):
            self.get_logger().warning("the recorded /clock is left out: `clock` publishes its own")
        return selected

    def _create_publisher(self, name: str, topic: BagTopic) -> Publisher | None:
        kind = message_class(topic.type)
        if kind is None:
            self.get_logger().warning(
                f"{name} is left out: its type {topic.type} is not installed"
            )
            return None
        durability = (
            DurabilityPolicy.TRANSIENT_LOCAL if topic.latched else DurabilityPolicy.VOLATILE
        )
        profile = QoSProfile(
            depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE, durability=durability
        )
        return self.create_publisher(kind, name, profile)

    def _wait_for_subscribers(self) -> None:
        settings = self.settings
        types = {name: self._reader.topics[name].type for name in self._publishers_by_topic}
        publishers = {name: self._publishers_by_topic[name] for name in awaited_topics(types)}
        start = time.monotonic()
        next_word = start + FIRST_WORD
        while all(p.get_subscription_count() < settings.subscribers for p in publishers.values()):
            now = time.monotonic()
            if now >= start + settings.wait_for_subscribers:
                if settings.wait_for_subscribers > 0:
                    self.get_logger().warning(
                        f"{self._missing(publishers)} within {settings.wait_for_subscribers:g} s: "
                        "playing all the same"
                    )
                return
            if now >= next_word:
                next_word = now + NEXT_WORD
                left = start + settings.wait_for_subscribers - now
                self.get_logger().warning(
                    f"{self._missing(publishers)} yet, which has "
                    f"{', '.join(map(types.get, publishers))} of {settings.bag}: waiting for "
                    f"another {left:.0f} s; {elsewhere(self._watched_images(publishers))}"
                )
            self._executor.spin_once(timeout_sec=0.05)

    def _missing(self, publishers: Mapping[str, Publisher]) -> str:
        wanted = self.settings.subscribers
        who = "nobody" if wanted == 1 else f"fewer than {wanted}"
        return f"{who} subscribed to {', '.join(p.topic_name for p in publishers.values())}"

    def _watched_images(self, publishers: Mapping[str, Publisher]) -> dict[str, str]:
        """Return the type of each topic of images that others subscribe to and we do not offer."""
        offered = {(p.topic_name, p.msg_type) for p in publishers.values()}
        return {
            topic: kind
            for topic, kinds in self.get_topic_names_and_types()
            for kind in kinds
            if kind in IMAGE_TYPES
            and (topic, message_class(kind)) not in offered
            and any(i.topic_type == kind for i in self.get_subscriptions_info_by_topic(topic))
        }

    def _play_once(self) -> None:
        # Deadlines count from one origin, so that lateness of one message does not add up.
        pace = Pace(time.monotonic(), self._reader.start_ns, self.settings.rate)
        self._next_clock = pace.origin
        for topic, time_ns, data in self._reader.raw_messages(self._publishers_by_topic):
            self._spin_until(pace.due(time_ns), pace)
            if not self.context.ok():
                return
            self._publishers_by_topic[topic].publish(data)
        if self._reader.damage is not None:
            self.get_logger().warning(
                f"not all of {self.settings.bag} is played: {self._reader.damage}", once=True
            )
        if self.settings.loop:
            self._spin_until(pace.due(pace.start_ns + self._period_ns()), pace)

    def _period_ns(self) -> int:
        """Return the bag's time from one round to the next: its duration and one frame more."""
        frames = max(self._reader.topics[name].count for name in self._publishers_by_topic)
        duration = self._reader.duration_ns
        return duration + (duration // (frames - 1) if frames > 1 and duration else _BILLION)

    def _spin_until(self, deadline: float, pace: Pace | None = None) -> None:
        """Serve the node's callbacks until `deadline`; publish /clock where a pace is given."""
        while self.context.ok():
            now = time.monotonic()
            wake = deadline
            if pace is not None and self._clock_publisher is not None:
                if now >= self._next_clock:
                    seconds, nanoseconds = divmod(pace.bag_time(now), _BILLION)
                    stamp = Time(sec=seconds, nanosec=nanoseconds)
                    self._clock_publisher.publish(Clock(clock=stamp))
                    # Ticks that a slow machine missed are not made up for.
                    self._next_clock = now + 1 / self.settings.clock_frequency
                wake = min(deadline, self._next_clock)
            if now >= deadline:
                return
            self._executor.spin_once(timeout_sec=max(0.0, wake - now))

    def _wait_for_acknowledgements(self) -> None:
        deadline = time.monotonic() + ACKNOWLEDGEMENT_TIMEOUT
        for name, publisher in self._publishers_by_topic.items():
            while self.context.ok() and not publisher.wait_for_all_acked(Duration(seconds=0.1)):
                if time.monotonic() >= deadline:
                    self.get_logger().warning(f"a subscriber of {name} missed the last messages")
                    break


def elsewhere(watched: Mapping[str, str]) -> str:
    """Return in words where others look for images, by the types of their topics."""
    if not watched:
        return "no other topic of images has a subscriber: start one"
    topics = ", ".join(f"{topic} ({kind})" for topic, kind in sorted(watched.items()))
    return (
        f"others subscribe to {topics}: give the player a remapping (`-r FROM:=TO`), or the "
        "subscriber another topic or image_transport"
    )


def awaited_topics(types: dict[str, str]) -> list[str]:
    """Return the topics whose subscribers a replay waits for.

    These are the camera's where the bag has the usual ones, else all images, else all topics.
    """
    camera = [name for name in (IMAGE_TOPIC, COMPRESSED_IMAGE_TOPIC) if name in types]
    images = [n for n, kind in types.items() if kind in IMAGE_TYPES]
    return camera or images or list(types)


def message_class(name: str) -> type | None:
    """Return rclpy's class of "package/msg/Type", None where it is not installed."""
    module, _, kind = name.replace("/", ".").rpartition(".")
    try:
        return getattr(import_module(module), kind)
    except (ImportError, AttributeError, ValueError):
        return None


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until the bag ends or a signal comes; return 1 where it cannot be played."""
    return run_node(NODE_NAME, Player, Player.play, args)


def _read_settings(node: Node) -> PlayerSettings:
    bag = declare_once(node, "bag", "", "the folder of a bag, or a .mcap or .db3 file")
    if not bag:
        raise OpenSetError("parameter bag is empty: give `-p bag:=FOLDER`")
    seconds = (0.0, 3600.0)
    return PlayerSettings(
        bag=Path(bag),
        topics=tuple(
            declare_once(
                node,
                "topics",
                Parameter.Type.STRING_ARRAY,
                "a list of the topics to play, for example ['/camera/image_raw']; by default all",
            )
            or ()
        ),
        rate=declare_once(node, "rate", 1.0, "a factor of speed", (0.01, 100.0)),
        loop=declare_once(
            node, "loop", False, "true to start again at the end (stamps jump back) or false"
        ),
        clock=declare_once(
            node, "clock", False, "true to publish the bag's time on /clock, or false"
        ),
        clock_frequency=declare_once(
            node, "clock_frequency", 100.0, "the hertz of /clock", (1.0, 1000.0)
        ),
        wait_for_subscribers=declare_once(
            node,
            "wait_for_subscribers",
            0.0,
            "the longest wait for subscribers, seconds",
            seconds,
        ),
        subscribers=declare_once(
            node, "subscribers", 1, "how many subscribers to wait for", (1, 100)
        ),
        start_delay=declare_once(
            node, "start_delay", 0.5, "the wait before the first message, seconds", seconds
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
