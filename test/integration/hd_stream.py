"""HD images between two processes: `camera N` publishes them, `subscriber N` counts them.

Both run as the package's own nodes do. The environment says how they pass: with none of
CHOSEN_BY_USER by the package's profile.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.process import run_node

TOPIC = "/image"
HEIGHT, WIDTH = 720, 1280
RATE = 20
QUIET = 5.0
"""Seconds without an image after which no more will come."""


class Part(Node):
    """A node as `run_node` wants it."""

    def close(self) -> None:
        """Leave the network."""
        self.destroy_node()


def publish(count: int, node: Node) -> None:
    """Publish reliably, as soon as somebody subscribes, and wait until all is confirmed."""
    qos = QoSProfile(depth=count, reliability=ReliabilityPolicy.RELIABLE)
    publisher = node.create_publisher(Image, TOPIC, qos)
    while not publisher.get_subscription_count():
        time.sleep(0.05)
    time.sleep(1)  # the other side may not know us yet
    image = image_message(Image, np.zeros((HEIGHT, WIDTH, 3), np.uint8), "bgr8", Header())
    for _ in range(count):
        publisher.publish(image)
        time.sleep(1 / RATE)
    publisher.wait_for_all_acked()
    time.sleep(2)


def count_images(count: int, node: Node) -> None:
    """Write how many images came by best effort."""
    times: list[float] = []
    qos = QoSProfile(depth=count or 1, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(Image, TOPIC, lambda _: times.append(time.monotonic()), qos)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    last = time.monotonic() + 30  # the camera's start
    while len(times) < count and time.monotonic() < (times[-1] if times else last) + QUIET:
        executor.spin_once(timeout_sec=0.1)
    sys.stdout.write(f"{len(times)}\n")


def main(part: str, count: str) -> int:
    """Play one part; return the exit code."""
    work = {"camera": publish, "subscriber": count_images}[part]
    return run_node(part, partial(Part, part), partial(work, int(count)), args=[])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
