"""Declare the parameters on a node."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from ldn_openset_ros.ros.parameters import (
    PARAMETERS,
    allowed_values,
    check_value,
    out_of_range,
    wrong_type,
)
from ldn_openset_ros.ros.start_parameters import declare_kindred


def declare(node: Node, name: str, default: Any) -> Any:
    """Declare one of PARAMETERS and return its value, from the user or else `default`.

    Raises OpenSetError, with the remedy, where the user's value is of a wrong type or not allowed.
    """
    try:
        value = declare_kindred(node, name, default, descriptor(name, default))
    except InvalidParameterTypeException:
        raise wrong_type(name, default) from None
    except InvalidParameterValueException:
        raise out_of_range(name) from None
    check_value(name, value)
    return value


def descriptor(name: str, default: Any) -> ParameterDescriptor:
    """Return a parameter's descriptor; the type of `default` decides the type of its range.

    One that takes words as well as numbers has no type and so no range: `check_value` checks it.
    """
    info = PARAMETERS[name]
    result = ParameterDescriptor(
        description=info.description,
        dynamic_typing=bool(info.words),
    )
    if info.words or not info.bounds:
        result.additional_constraints = allowed_values(name)
    else:
        low, high = info.bounds
        if isinstance(default, int):
            result.integer_range = [IntegerRange(from_value=low, to_value=high)]
        else:
            result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return result
