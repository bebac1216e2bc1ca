"""A node under test and a probe that plays camera and subscriber, in one process."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.node import OpenSetNode

TIMEOUT = 120.0
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def wait_for(condition: Callable[[], Any], what: str = "") -> Any:
    """Return the first true value of `condition`; fail after TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {TIMEOUT} s in vain for {what or condition}"
        time.sleep(0.005)
    return value


class Bench:
    """One ROS context, spun in a thread of its own until `close`."""

    def __init__(self, domain: int) -> None:
        # A node is in a circle of references. Parts of an older one that live on would, when they
        # end, take the log topic from the next node of the same name.
        gc.collect()
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.probe = Node("probe", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.probe)
        self._nodes: list[OpenSetNode] = []
        self._clients: dict[str, Client] = {}
        self._stamp = 0
        self._closed = False
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def _spin(self) -> None:
        while not self._closed:
            self._executor.spin_once(timeout_sec=0.1)

    def start(
        self,
        *arguments: str,
        load: Callable[..., Predictor] = Predictor.load,
        **parameters: Any,
    ) -> OpenSetNode:
        """Start a node with parameters and ROS arguments."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = OpenSetNode(
            load,
            context=self.context,
            cli_args=list(arguments),
            use_global_arguments=False,
            parameter_overrides=overrides,
        )
        self._nodes.append(node)
        self._executor.add_node(node)
        return node

    def close_node(self, node: OpenSetNode) -> None:
        """End one of the nodes."""
        self._nodes.remove(node)
        self._executor.remove_node(node)
        assert node.close(TIMEOUT)

    def subscribe(self, kind: type, topic: str, qos: QoSProfile = RELIABLE) -> list:
        """Return the list that grows with the topic's messages; waits for a publisher."""
        messages: list = []
        self.probe.create_subscription(kind, topic, messages.append, qos)
        wait_for(lambda: self.probe.count_publishers(topic), topic)
        return messages

    def subscribe_outputs(self, *names: str, node: str = "/openset") -> dict[str, list]:
        """Subscribe to the outputs of a node and wait until it knows."""
        received = {name: self.subscribe(Image, f"{node}/{name}") for name in names}
        publishers = {p.topic_name: p for n in self._nodes for p in n.publishers}
        for name in names:
            wait_for(publishers[f"{node}/{name}"].get_subscription_count, f"match of {name}")
        return received

    def camera(self, kind: type = Image, topic: str = "/image", qos: QoSProfile = RELIABLE):
        """Return a publisher that a node is connected to."""
        publisher = self.probe.create_publisher(kind, topic, qos)
        wait_for(publisher.get_subscription_count, topic)
        return publisher

    def header(self) -> Header:
        """Return a header with a stamp that no other has."""
        self._stamp += 1
        header = Header(frame_id="camera_optical_frame")
        header.stamp.sec, header.stamp.nanosec = 1_700_000_000 + self._stamp, 123_456_789
        return header

    def image(self, rgb: np.ndarray) -> Image:
        """Return an `rgb8` message with a stamp of its own."""
        return image_message(Image, rgb, "rgb8", self.header())

    def set_parameters(self, node: str = "/openset", **values: Any) -> str:
        """Set parameters through the service; return the reason of a refusal, "" on success."""
        parameters = [Parameter(n, value=v).to_parameter_msg() for n, v in values.items()]
        request = SetParametersAtomically.Request(parameters=parameters)
        service = f"{node}/set_parameters_atomically"
        result = self.call(SetParametersAtomically, service, request).result
        assert bool(result.reason) != result.successful
        return result.reason

    def client(self, kind: type, service: str) -> Client:
        """Return the client of a service that is there."""
        if service not in self._clients:
            self._clients[service] = self.probe.create_client(kind, service)
        assert self._clients[service].wait_for_service(TIMEOUT)
        return self._clients[service]

    def call(self, kind: type, service: str, request: Any) -> Any:
        """Call a service and return its answer."""
        future = self.client(kind, service).call_async(request)
        wait_for(future.done, service)
        return future.result()

    def change_state(self, transition: int, node: str = "/openset") -> bool:
        """Ask for a transition by its id; return whether it succeeded."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, f"{node}/change_state", request).success

    def errors(self, name: str = "openset") -> list[str]:
        """Return the list that grows with what a node logs as ERROR."""
        return self.logged(LoggingSeverity.ERROR, name)

    def logged(self, severity: LoggingSeverity, name: str = "openset") -> list[str]:
        """Return the list that grows with what a node logs at `severity` or above."""
        lines: list[str] = []

        def keep(log: Log) -> None:
            if log.name == name and log.level >= severity:
                lines.append(log.msg)

        # Latched, so that lines from before the subscription arrive as well.
        history = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.probe.create_subscription(Log, "/rosout", keep, history)
        return lines

    def diagnostics(self) -> Callable[[], dict[str, str]]:
        """Return a function that gives the newest values, with `level` and `message`."""
        arrays = self.subscribe(DiagnosticArray, "/diagnostics")

        def newest() -> dict[str, str]:
            wait_for(lambda: arrays, "diagnostics")
            status = arrays[-1].status[0]
            values = {entry.key: entry.value for entry in status.values}
            return {**values, "level": str(status.level[0]), "message": status.message}

        return newest

    def legend(self, node: str = "/openset") -> Callable[[], dict]:
        """Return a function that gives the newest legend."""
        legends = self.subscribe(String, f"{node}/legend", LATCHED)
        wait_for(lambda: legends, "the legend")
        return lambda: json.loads(legends[-1].data)

    def close(self) -> None:
        """End the nodes, the thread and the context."""
        self._closed = True
        self._thread.join()
        closed = [node.close(TIMEOUT) for node in self._nodes]
        self._executor.shutdown()
        self.probe.destroy_node()
        rclpy.shutdown(context=self.context, uninstall_handlers=False)
        assert all(closed)
