"""The subscriber beside a live node: takes its outputs as they are, and the time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from ldn_openset_ros.bags.frames import read_stamp
from ldn_openset_ros.bags.topics import (
    NODE_LABELS_TOPIC,
    NODE_LEGEND_TOPIC,
    NODE_OPEN_SET_TOPIC,
    NODE_OUTLIER_PROBABILITY_TOPIC,
)
from ldn_openset_ros.ros.diagnostics import all_have_an_outcome
from ldn_openset_ros.ros.live_answers import Answers
from ldn_openset_ros.ros.node_status import statuses_of
from ldn_openset_ros.ros.qos import latched_qos

NODE_NAME = "live_recorder"
OUTPUT_TOPICS = (NODE_LABELS_TOPIC, NODE_OUTLIER_PROBABILITY_TOPIC, NODE_OPEN_SET_TOPIC)
DIAGNOSTICS_TOPIC = "/diagnostics"

# Deep queues, since a recorder wants every frame; the player and the node publish reliably.
DEEP_QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)


class LiveRecorder(Node):
    """Subscribe to the images that are played and to all that the node makes of them.

    answers: what came. diagnostics: the values of the node's reports. legend: the node's latest;
    None = none yet. on_answer takes stamp and serialized outputs, by topic, of each first answer.
    """

    def __init__(
        self,
        image_topic: str,
        compressed: bool,
        on_answer: Callable[[int, dict[str, bytes]], Any],
        **node_arguments: Any,
    ) -> None:
        super().__init__(NODE_NAME, **node_arguments)
        self.answers = Answers(OUTPUT_TOPICS)
        self.diagnostics: list[dict[str, str]] = []
        self.legend: dict | None = None
        self._image_topic = image_topic
        self._on_answer = on_answer
        self._reported = 0.0
        # Raw: nothing has to be decoded to be recorded.
        image_type = CompressedImage if compressed else Image
        self.create_subscription(image_type, image_topic, self._add_image, DEEP_QOS, raw=True)
        for topic in OUTPUT_TOPICS:
            add = partial(self._add_output, topic)
            self.create_subscription(Image, topic, add, DEEP_QOS, raw=True)
        self.create_subscription(String, NODE_LEGEND_TOPIC, self._add_legend, latched_qos())
        self.create_subscription(
            DiagnosticArray, DIAGNOSTICS_TOPIC, self._add_diagnostics, DEEP_QOS
        )

    @property
    def node_is_ready(self) -> bool:
        """Whether the node waits for images and its outputs have been found."""
        return (
            self.legend is not None
            and self.count_subscribers(self._image_topic) > 1  # one of them is ours
            and all(self.count_publishers(topic) for topic in OUTPUT_TOPICS)
        )

    def node_is_idle(self, since: float) -> bool:
        """Whether the node reported, after a monotonic time, that it has done with every image."""
        if not self.diagnostics or self._reported <= since:
            return False
        return all_have_an_outcome(self.diagnostics[-1])

    def _add_image(self, data: bytes, information: Mapping[str, int]) -> None:
        stamp_ns = read_stamp(data)
        if stamp_ns is not None:
            self.answers.add_image(stamp_ns, _arrival_ns(information))

    def _add_output(self, topic: str, data: bytes, information: Mapping[str, int]) -> None:
        stamp_ns = read_stamp(data)
        outputs = self.answers.add_output(topic, stamp_ns, data, _arrival_ns(information))
        if outputs is not None:
            self._on_answer(stamp_ns, outputs)

    def _add_legend(self, message: String) -> None:
        self.legend = json.loads(message.data)

    def _add_diagnostics(self, message: DiagnosticArray) -> None:
        name = NODE_LEGEND_TOPIC.strip("/").partition("/")[0]
        for status in statuses_of(message.status, name):
            self.diagnostics.append(status.values)
            self._reported = time.monotonic()


def _arrival_ns(information: Mapping[str, int]) -> int:
    """Return when the middleware received a message: this node may be late to look at it.

    information: what rclpy tells of a message, a type of its own since Kilted.
    """
    # A middleware that does not tell it gives 0.
    return information["received_timestamp"] or time.time_ns()
