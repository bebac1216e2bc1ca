"""Topics that are created and destroyed together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import (
    PublisherEventCallbacks,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import (
    DurabilityPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.utilities import get_rmw_implementation_identifier

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.ros.diagnostics import Level, LostMessages, Report
from ldn_openset_ros.ros.environment import lost_messages_remedy
from ldn_openset_ros.ros.qos import latched_qos
from ldn_openset_ros.ros.throttle import Throttle

LOG_PERIOD = 60.0
"""Seconds between lines about messages that are lost all the time."""

QOS_MEMORY = 60.0
"""Seconds that incompatible QoS is warned of after it was found."""


class Topics:
    """Publishers and subscriptions of a node, whose QoS users may override by parameters."""

    def __init__(self, node: Node) -> None:
        """Start without any."""
        self._node = node
        self._incompatible: Counter[str] = Counter()
        self._last_incompatible = float("-inf")
        self._lost = LostMessages()
        self._throttle = Throttle(LOG_PERIOD)
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []

    def publisher(self, kind: type, topic: str, qos: QoSProfile) -> Publisher:
        """Create a publisher; raises OpenSetError for a QoS override that does not fit."""
        events = PublisherEventCallbacks(incompatible_qos=self._tell_incompatible(topic))
        publisher = self._create(self._node.create_publisher, kind, topic, qos, events)
        self._publishers.append(publisher)
        return publisher

    def subscription(
        self, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile
    ) -> Subscription:
        """Create a subscription; raises OpenSetError for a QoS override that does not fit.

        Where the middleware cannot tell of lost messages, they are not counted.
        """
        create = self._node.create_subscription
        incompatible, lost = self._tell_incompatible(topic), self._count_lost(topic)
        events = SubscriptionEventCallbacks(incompatible_qos=incompatible, message_lost=lost)
        try:
            subscription = self._create(create, kind, topic, qos, events, callback)
        except UnsupportedEventTypeError:  # by this middleware
            self._lost.cannot_be_counted()
            events = SubscriptionEventCallbacks(incompatible_qos=incompatible)
            subscription = self._create(create, kind, topic, qos, events, callback)
        self._subscriptions.append(subscription)
        return subscription

    def hear_latched(self, subscription: Subscription) -> bool:
        """Subscribe to a topic's latched messages too, as soon as it has any; return whether.

        What was published before the node came is for subscribers that ask for it alone, and
        these hear nobody else. So that drivers are not told of QoS that does not fit, nobody asks
        before there is a publisher that keeps messages.
        """
        topic = subscription.topic_name
        latched = any(
            (info.qos_profile.durability, info.qos_profile.reliability)
            == (DurabilityPolicy.TRANSIENT_LOCAL, ReliabilityPolicy.RELIABLE)
            for info in self._node.get_publishers_info_by_topic(topic)
        )
        if latched:
            untold = SubscriptionEventCallbacks(use_default_callbacks=False)
            self._subscriptions.append(
                self._node.create_subscription(
                    subscription.msg_type,
                    topic,
                    subscription.callback,
                    latched_qos(),
                    event_callbacks=untold,
                )
            )
        return latched

    def lost_report(self) -> Report:
        """Return how many messages the middleware lost on their way to the subscriptions."""
        return self._lost.report()

    def qos_report(self) -> Report:
        """Return whose QoS did not fit: WARN for QOS_MEMORY s, for nobody tells when it ends."""
        text = ", ".join(f"{count} x {where}" for where, count in self._incompatible.items())
        recent = time.monotonic() - self._last_incompatible < QOS_MEMORY
        level = Level.WARN if recent else Level.OK
        return Report(level, f"incompatible QoS: {text}", {"incompatible_qos": text})

    def destroy(self) -> None:
        """Take all of them off the network."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._publishers.clear()
        self._subscriptions.clear()

    def _tell_incompatible(self, topic: str) -> Callable[[Any], None]:
        def tell(event: Any) -> None:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            name = self._node.resolve_topic_name(topic)
            self._incompatible[f"{name} ({policy})"] += event.total_count_change
            self._last_incompatible = time.monotonic()
            self._node.get_logger().warning(
                f"{name}: another node has an incompatible {policy}, so no message passes between "
                "us: change its QoS, or ours by the parameters qos_overrides"
            )

        return tell

    def _count_lost(self, topic: str) -> Callable[[Any], None]:
        def count(event: Any) -> None:
            name = self._node.resolve_topic_name(topic)
            remedy = lost_messages_remedy(name, get_rmw_implementation_identifier())
            self._lost.add(name, event.total_count_change, remedy)
            if self._throttle.admit(name):
                self._node.get_logger().warning(f"{name}: messages are lost on the way: {remedy}")

        return count

    def _create(
        self,
        create: Callable,
        kind: type,
        topic: str,
        qos: QoSProfile,
        events: PublisherEventCallbacks | SubscriptionEventCallbacks,
        *callback: Callable,
    ) -> Any:
        overriding = QoSOverridingOptions.with_default_policies()
        try:
            return create(
                kind,
                topic,
                *callback,
                qos,
                event_callbacks=events,
                qos_overriding_options=overriding,
            )
        except UnsupportedEventTypeError:
            raise
        except (ParameterException, InvalidQosOverridesError, RuntimeError, ValueError) as error:
            raise OpenSetError(f"qos_overrides of {topic}: {flat(error)}") from error
