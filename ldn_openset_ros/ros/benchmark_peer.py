"""The cameras and the subscriber of a node that is timed, which runs as a process of its own."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from ldn_openset_ros.bags.frames import read_stamp
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_names import ONLY_CAMERA, camera_topic
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.node_status import statuses_of
from ldn_openset_ros.ros.processes import Children, parameter_arguments
from ldn_openset_ros.ros.qos import latched_qos, output_qos
from ldn_openset_ros.ros.recognition import OUTPUTS
from ldn_openset_ros.ros.spinning import Spin, spin_while, spinning

NODE_MODULE = "ldn_openset_ros.ros.openset_node"
NODE_NAME = "openset"
START_TIMEOUT = 120.0
REPORT_TIME = 1.5
"""Seconds until the node's next report, of one a second, has come."""


class BenchmarkPeer(Node):
    """Cameras, and the subscriber to all image outputs of the node.

    diagnostics: values of the node's reports as they came, by camera.
    """

    def __init__(self, cameras: Sequence[str] = ONLY_CAMERA) -> None:
        super().__init__("benchmark_peer")
        self.cameras = tuple(cameras)
        self.ready = False
        self.diagnostics: dict[str, list[dict[str, str]]] = {name: [] for name in cameras}
        self._arrivals: dict[tuple[str, int], list[float]] = defaultdict(list)
        self._sent = 0
        self._image_topics = {
            camera: self.create_publisher(Image, camera_topic(camera, "image"), output_qos())
            for camera in cameras
        }
        for camera in cameras:
            for output in OUTPUTS:
                topic = f"{NODE_NAME}/{camera_topic(camera, output)}"
                add = partial(self._add, camera)
                self.create_subscription(Image, topic, add, output_qos(), raw=True)
        self.create_subscription(String, f"{NODE_NAME}/legend", self._add_legend, latched_qos())
        self.create_subscription(DiagnosticArray, "/diagnostics", self._add_diagnostics, 10)

    @property
    def connected(self) -> bool:
        """Whether the node is up and takes our images."""
        return self.ready and all(p.get_subscription_count() for p in self._image_topics.values())

    def send(self, rgb: np.ndarray, camera: str = "") -> tuple[int, float]:
        """Publish a frame, uint8 (H, W, 3); return its number, and the time before it."""
        self._sent += 1
        header = Header(frame_id="camera_optical_frame")
        header.stamp.sec = self._sent
        message = image_message(Image, rgb, "rgb8", header)
        started = time.perf_counter()
        self._image_topics[camera].publish(message)
        return self._sent, started

    def answered(self, number: int, camera: str = "") -> float | None:
        """Return when the last output of a frame came; None while one is missing."""
        times = self._arrivals.get((camera, number), ())
        return max(times) if len(times) == len(OUTPUTS) else None

    def _add(self, camera: str, data: bytes) -> None:
        self._arrivals[camera, read_stamp(data) // 10**9].append(time.perf_counter())

    def _add_legend(self, _: String) -> None:
        self.ready = True

    def _add_diagnostics(self, message: DiagnosticArray) -> None:
        for status in statuses_of(message.status, NODE_NAME):
            camera = status.part if len(self.cameras) > 1 else self.cameras[0]
            self.diagnostics[camera].append(status.values)


@dataclass(frozen=True)
class RunningNode:
    """A node that is ready for frames, and its peer."""

    peer: BenchmarkPeer
    spin: Spin
    children: Children

    def serve(self, seconds: float) -> None:
        """Serve messages for so long; raises OpenSetError where the node has ended."""
        self.children.check()
        self.spin(seconds)

    def wait_for_report(self) -> None:
        """Serve messages until the node has reported on everything before."""
        spin_while(lambda: True, self.spin, REPORT_TIME)


@contextmanager
def running_node(
    parameters: Mapping[str, object],
    logs: Path,
    environment: dict[str, str],
    cameras: Sequence[str] = ONLY_CAMERA,
) -> Iterator[RunningNode]:
    """Start the node with its parameters, and stop it in the end.

    logs: folder for its log. environment: must be this process's as well. Raises OpenSetError
    where the node fails.
    """
    parameters = {**parameters, "cameras": list(cameras)}
    with (
        spinning(partial(BenchmarkPeer, cameras)) as (peer, spin),
        Children(environment, logs) as children,
    ):
        children.start(
            "the node", NODE_MODULE, parameter_arguments(parameters, logs / "node.yaml")
        )

        def starting() -> bool:
            children.check()
            return not peer.connected

        if not spin_while(starting, spin, START_TIMEOUT):
            raise OpenSetError(f"the node was not ready within {START_TIMEOUT:g} s")
        yield RunningNode(peer, spin, children)
