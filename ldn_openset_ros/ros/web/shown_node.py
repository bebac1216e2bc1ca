"""The node that the web view shows: its topics, services and parameters.

Two threads meet here. ROS's thread spins the executor and owns all that rclpy made; the event loop
owns `Seen` and all that waits for an answer. They hand each other work only by
`executor.create_task` and `loop.call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.node_status import statuses_of
from ldn_openset_ros.ros.qos import latched_qos, output_qos, sensor_qos
from ldn_openset_ros.ros.web.seen import Seen, cameras_of

ANSWER_TIMEOUT = 1.0
"""Seconds that the node has to answer a request."""

LOOK_PERIOD = 1.0
"""Seconds between looks at the graph for cameras."""

CONTROLS = ("threshold", "fusion")
"""Parameters that the page shows and sets."""


class ShownNode:
    """Make a node's outputs and services available to an event loop.

    The methods that are coroutines, and `watch`, are the loop's; the others are ROS's.
    """

    def __init__(self, node: Node, executor: Executor, name: str) -> None:
        """Create the clients of its services.

        node: the web view's own, spun by `executor`; name: full name of the shown one.
        """
        self._node = node
        self._executor = executor
        self._name = name
        self._get = node.create_client(GetParameters, f"{name}/get_parameters")
        self._describe = node.create_client(DescribeParameters, f"{name}/describe_parameters")
        self._set = node.create_client(
            SetParametersAtomically, f"{name}/set_parameters_atomically"
        )
        self._enable = node.create_client(SetBool, f"{name}/enable")
        # Written by the loop, read by ROS: the set is replaced whole.
        self._watched: frozenset[str] = frozenset()
        self._subscriptions: dict[str, Subscription] = {}

    def follow(self, seen: Seen, loop: asyncio.AbstractEventLoop) -> None:
        """Report to `seen`, in `loop`, what the node publishes from now on."""
        self._seen, self._loop = seen, loop

        def keep_legend(message: String) -> None:
            self._report(seen.take_legend, message.data)

        def keep_diagnostics(message: DiagnosticArray) -> None:
            self._report(seen.take_statuses, statuses_of(message.status, self._name))

        node = self._node
        node.create_subscription(String, f"{self._name}/legend", keep_legend, latched_qos())
        node.create_subscription(DiagnosticArray, "/diagnostics", keep_diagnostics, output_qos())
        # Simulated time may stand still; the graph changes all the same.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(LOOK_PERIOD, self._look_for_cameras, clock=steady)

    def watch(self, topics: frozenset[str]) -> None:
        """Subscribe to these image topics and no others."""
        self._watched = topics
        self._executor.create_task(self._subscribe_to_watched)

    async def controls(self) -> dict[str, Any]:
        """Return the values of CONTROLS, and as `fusions` the score names that there are.

        Raises OpenSetError where the node does not answer.
        """
        names = list(CONTROLS)
        got, described = await asyncio.gather(
            self._ask(self._get, GetParameters.Request(names=names)),
            self._ask(self._describe, DescribeParameters.Request(names=["fusion"])),
        )
        values = dict(zip(names, map(parameter_value_to_python, got.values), strict=True))
        constraints = described.descriptors[0].additional_constraints
        return {**values, "fusions": constraints.removeprefix("one of ").split(", ")}

    async def set_parameter(self, name: str, value: float | str) -> str:
        """Set one of CONTROLS; return the node's reason where it refuses, else ""."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParametersAtomically.Request(parameters=[parameter])
        result = (await self._ask(self._set, request)).result
        return "" if result.successful else result.reason

    async def enable(self, enabled: bool) -> str:
        """Switch recognition on or off; return the node's reason where it refuses, else ""."""
        answer = await self._ask(self._enable, SetBool.Request(data=enabled))
        return "" if answer.success else answer.message

    async def _ask(self, client: Client, request: Any) -> Any:
        answer = asyncio.get_running_loop().create_future()
        self._executor.create_task(self._send, client, request, answer)
        try:
            return await asyncio.wait_for(answer, ANSWER_TIMEOUT)
        except asyncio.TimeoutError:
            raise OpenSetError(f"{client.service_name} does not answer: is the node up?") from None

    def _send(self, client: Client, request: Any, answer: asyncio.Future) -> None:
        def settle(how: Callable[[Any], None], value: Any) -> None:
            if not answer.done():  # whoever waited may have given up
                how(value)

        if not client.service_is_ready():
            self._report(settle, answer.set_exception, asyncio.TimeoutError())
            return
        future = client.call_async(request)
        # rclpy would keep a request without an answer for ever.
        self._report(answer.add_done_callback, lambda _: client.remove_pending_request(future))
        future.add_done_callback(
            lambda _: self._report(settle, answer.set_result, future.result())
        )

    def _report(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    def _look_for_cameras(self) -> None:
        node = self._node
        # A topic that only this node subscribes to is listed as well.
        topics = [
            (topic, types)
            for topic, types in node.get_topic_names_and_types()
            if topic.startswith(f"{self._name}/") and node.count_publishers(topic)
        ]
        self._report(self._seen.take_cameras, cameras_of(topics, self._name))

    def _subscribe_to_watched(self) -> None:
        watched = self._watched
        for topic in self._subscriptions.keys() - watched:
            self._node.destroy_subscription(self._subscriptions.pop(topic))
        for topic in watched - self._subscriptions.keys():

            def keep(message: Image, topic: str = topic) -> None:
                self._report(self._seen.take_frame, topic, message)

            # Best effort: a slow view must not hold the node up.
            self._subscriptions[topic] = self._node.create_subscription(
                Image, topic, keep, sensor_qos()
            )
