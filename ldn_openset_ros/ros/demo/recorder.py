"""The demo's subscriber: gathers what the camera and the node publish, and measures nothing."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.frame import (
    DIAGNOSTICS_TOPIC,
    LEGEND_TOPIC,
    NODE,
    OUTPUT_TOPICS,
    RecordedFrame,
    decode_frame,
)
from ldn_openset_ros.ros.demo.matching import FrameMatcher
from ldn_openset_ros.ros.demo.sources import TRUTH_TOPICS, Source
from ldn_openset_ros.ros.node_status import statuses_of
from ldn_openset_ros.ros.qos import latched_qos

NODE_NAME = "demo_recorder"
LONGEST_LATENCY = 60.0
"""Seconds from a stamp to its outputs, beyond which it is of another clock, as a bag's is."""

# Deep queues, since a recorder wants every frame. Whatever publishers offer, best effort fits.
INPUT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
OUTPUT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


class Recorder(Node):
    """Subscribe to everything, hand complete frames on, and remember how it went.

    received: messages by topic. end_to_end: seconds from a frame's stamp to the receipt of its
    last output, where the stamps are of this machine's clock. diagnostics: the values of the
    node's reports. legend: the node's latest. faults: what was wrong with outputs, and how often.
    """

    def __init__(
        self, source: Source, on_frame: Callable[[RecordedFrame], Any], **node_arguments: Any
    ) -> None:
        """Subscribe to the source's images; `on_frame` takes the complete frames."""
        super().__init__(NODE_NAME, **node_arguments)
        self.matcher = FrameMatcher(source.image_topic, OUTPUT_TOPICS.values())
        self.received: Counter[str] = Counter()
        self.end_to_end: list[float] = []
        self.diagnostics: list[dict[str, str]] = []
        self.legend: dict | None = None
        self.faults: Counter[str] = Counter()
        self.started: float | None = None
        """Monotonic time of the first complete frame."""
        self.latest: float | None = None
        """Monotonic time of the latest complete frame."""
        self._source = source
        self._on_frame = on_frame
        image_type = CompressedImage if source.compressed else Image
        self._subscribe(image_type, source.image_topic, self._add_input, INPUT_QOS)
        for topic in TRUTH_TOPICS:
            self._subscribe(Image, topic, self._add_input, INPUT_QOS)
        for topic in OUTPUT_TOPICS.values():
            self._subscribe(Image, topic, self._add_output, OUTPUT_QOS)
        self._subscribe(String, LEGEND_TOPIC, self._add_legend, latched_qos())
        self._subscribe(DiagnosticArray, DIAGNOSTICS_TOPIC, self._add_diagnostics, OUTPUT_QOS)

    def _subscribe(self, kind: type, topic: str, callback: Callable, qos: QoSProfile) -> None:
        self.create_subscription(kind, topic, partial(callback, topic), qos)

    def _add_input(self, topic: str, message: Image | CompressedImage) -> None:
        self.received[topic] += 1
        self.matcher.add_input(topic, _stamp(message), message, len(message.data))

    def _add_output(self, topic: str, message: Image) -> None:
        self.received[topic] += 1
        complete = self.matcher.add_output(topic, _stamp(message), message)
        if complete is None:
            return
        self.latest = time.monotonic()
        self.started = self.started or self.latest
        latency = (self.get_clock().now().nanoseconds - _stamp(message)) / 1e9
        if 0 <= latency <= LONGEST_LATENCY:
            self.end_to_end.append(latency)
        try:
            frame = decode_frame(complete, self._source)
        except OpenSetError as error:
            self.faults[str(error)] += 1
            return
        self._on_frame(frame)

    def _add_legend(self, topic: str, message: String) -> None:
        self.received[topic] += 1
        try:
            self.legend = json.loads(message.data)
        except ValueError as error:
            self.faults[f"{topic} is no valid JSON: {error}"] += 1

    def _add_diagnostics(self, topic: str, message: DiagnosticArray) -> None:
        for status in statuses_of(message.status, NODE):
            self.received[topic] += 1
            self.diagnostics.append(status.values)


def _stamp(message: Any) -> int:
    return Time.from_msg(message.header.stamp).nanoseconds
