"""Parameters that a node reads once, at its start."""

from __future__ import annotations

import difflib
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from ldn_openset_ros.errors import OpenSetError


def declare_once(
    node: Node, name: str, default: Any, meaning: str, bounds: tuple[float, float] | None = None
) -> Any:
    """Declare a read-only parameter and return its value, from the user or else `default`.

    default: decides the type; a `Parameter.Type` stands for "none", returned as None.
    meaning: completes "parameter NAME: give ..."; bounds, both allowed, are added to it.

    Raises OpenSetError, with the remedy, for a value of another type or outside the bounds.
    """
    descriptor = ParameterDescriptor(read_only=True)
    if bounds is None:
        allowed = meaning
    elif isinstance(default, int):
        allowed = f"{meaning}, a whole number from {bounds[0]} to {bounds[1]}"
        descriptor.integer_range = [IntegerRange(from_value=bounds[0], to_value=bounds[1])]
    else:
        low, high = (float(bound) for bound in bounds)
        allowed = f"{meaning}, from {low} to {high}, with a decimal point"
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    descriptor.description = allowed
    try:
        node.declare_parameter(name, default, descriptor)
    except ParameterException:
        raise OpenSetError(f"parameter {name}: give {allowed}") from None
    value = node.get_parameter_or(name).value
    if bounds is not None and not bounds[0] <= value <= bounds[1]:  # rclpy lets NaN pass
        raise OpenSetError(f"parameter {name}: give {allowed}")
    return value


def warn_of_unknown(node: Node) -> None:
    """Warn of parameters that were given for a node and that it has not declared.

    A warning and no error, for a section `/**` of a file may hold other nodes' parameters.
    """
    # rclpy offers no public way to what was given but not declared.
    given = getattr(node, "_parameter_overrides", {})
    known = node.list_parameters([], 0).names
    # Those of topics are declared with the topics.
    unknown = [n for n in given if n not in known and not n.startswith("qos_overrides.")]
    if unknown:
        told = []
        for name in sorted(unknown):
            near = difflib.get_close_matches(name, known, 1)
            told.append(f"{name} (do you mean {near[0]}?)" if near else name)
        node.get_logger().warning(f"unknown parameters have no effect: {', '.join(told)}")
