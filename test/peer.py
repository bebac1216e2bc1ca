"""A node beside those under test: camera, subscriber and client."""

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

    def __init__(self, domain: int | None = None) -> None:
        """Join a ROS domain; None for the environment's."""
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
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
        return self.messages(Image, topic)

    def messages(self, kind: type, topic: str) -> list:
        """Return the list that grows with a topic's messages."""
        received: list = []
        self.node.create_subscription(kind, topic, received.append, RELIABLE)
        return received

    def call(self, kind: type, service: str, request: Any) -> Any:
        """Return a service's response."""
        client = self.node.create_client(kind, service)
        self.spin_until(client.service_is_ready)
        future = client.call_async(request)
        self.spin_until(future.done)
        self.node.destroy_client(client)
        return future.result()

    def spin(self, seconds: float) -> None:
        """Spin for so long."""
        end = time.monotonic() + seconds
        self.spin_until(lambda: time.monotonic() >= end)

    def spin_until(self, condition: Callable[[], Any], step: Callable[[], Any] = int) -> None:
        """Spin until `condition`, calling `step` every now and then; fail after TIMEOUT s."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, f"nothing came within {TIMEOUT} s"
            step()
            self._executor.spin_once(timeout_sec=0.2)
