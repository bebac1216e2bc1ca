"""A node beside the launched ones: camera and subscriber."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

TIMEOUT = 120.0
RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


class Peer:
    """Subscribe, publish and spin in the calling thread; a context manager."""

    def __init__(self) -> None:
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = Node("peer", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context, uninstall_handlers=False)

    def images(self, topic: str) -> list[Image]:
        """Return the list that grows with a topic's images."""
        received: list[Image] = []
        self.node.create_subscription(Image, topic, received.append, RELIABLE)
        return received

    def spin_until(self, condition: Callable[[], Any], step: Callable[[], Any] = int) -> None:
        """Spin until `condition`, calling `step` every now and then; fail after TIMEOUT s."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, f"nothing came within {TIMEOUT} s"
            step()
            self._executor.spin_once(timeout_sec=0.2)
