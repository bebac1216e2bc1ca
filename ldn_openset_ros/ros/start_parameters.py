"""Parameters as users give them: of a kindred type too; those that a node reads once."""

from __future__ import annotations

import difflib
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.node import Node

from ldn_openset_ros.errors import OpenSetError


def declare_kindred(node: Node, name: str, default: Any, descriptor: ParameterDescriptor) -> Any:
    """Declare a parameter of `default`'s type and return its value, from the user or else it.

    YAML makes a whole number of `1` and of `0` where a double or a text is meant: what is lost by
    no conversion is taken. Raises rclpy's InvalidParameterTypeException for the rest.
    """
    try:
        return node.declare_parameter(name, default, descriptor).value
    except InvalidParameterTypeException:
        node.declare_parameter(name, None, ParameterDescriptor(dynamic_typing=True))
        value = kindred(node.get_parameter(name).value, type(default))
        node.undeclare_parameter(name)
        if value is None:
            raise
        return node.declare_parameter(name, value, descriptor, ignore_override=True).value


def kindred(value: Any, kind: type) -> Any:
    """Return a value of another type as `kind`, None where it is none or something would be lost.

    >>> kindred(1, float), kindred(0, str), kindred(480.0, int), kindred(480.5, int)
    (1.0, '0', 480, None)
    """
    if type(value) is int and kind in (float, str):
        return kind(value)
    if type(value) is float and kind is int and value.is_integer():
        return int(value)
    return None


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
        allowed = f"{meaning}, from {low} to {high}"
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    descriptor.description = allowed
    try:
        value = declare_kindred(node, name, default, descriptor)
    except ParameterException:
        raise OpenSetError(f"parameter {name}: give {allowed}") from None
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
