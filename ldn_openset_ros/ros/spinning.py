"""Serve the messages of one node in the main thread, until Ctrl-C comes or something ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ldn_openset_ros.errors import flat

CHECK_PERIOD = 0.2
"""Seconds between looks at the condition and the clock."""

Spin = Callable[[float], None]
AnyNode = TypeVar("AnyNode", bound=Node)


@contextmanager
def spinning(make: Callable[[], AnyNode]) -> Iterator[tuple[AnyNode, Spin]]:
    """Hand out a node and the function that serves its messages for so many seconds."""
    # Python's own signal handlers stay: Ctrl-C must stop the children before ROS shuts down.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        yield node, executor.spin_once
        executor.shutdown()
        node.destroy_node()
    finally:
        rclpy.try_shutdown()


def spin_on(node: Node) -> None:
    """Serve messages until ROS shuts down.

    Malformed requests, such as to set a parameter of a type that does not exist, are raised by
    rclpy's own services: they are logged and cost nothing else.
    """
    while True:
        try:
            rclpy.spin(node)
            return
        except ValueError as error:
            node.get_logger().error(f"a malformed request is dropped: {flat(error)}")


def spin_while(condition: Callable[[], bool], spin: Spin, timeout: float = float("inf")) -> bool:
    """Serve messages while the condition holds; return False if it held to the time-out."""
    deadline = time.monotonic() + timeout
    next_check = 0.0
    while True:
        now = time.monotonic()
        if now >= next_check:
            if not condition():
                return True
            if now >= deadline:
                return False
            next_check = now + CHECK_PERIOD
        spin(CHECK_PERIOD)
