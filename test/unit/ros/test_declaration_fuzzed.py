"""Parameters given to a real node: declared with an allowed value, or refused with one line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

import rclpy
from fuzzing import attempt
from hypothesis import given
from hypothesis import strategies as st
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.ros.declaration import declare
from ldn_openset_ros.ros.parameters import DEFAULTS, PARAMETERS, check_value, own_values

# What a parameter can hold: C strings, 64 bits.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
WORDS = st.sampled_from(
    sorted({word for info in PARAMETERS.values() for word in (*info.words, *info.choices)})
)
WHOLE = st.one_of(st.integers(-3, 300), st.integers(-(2**63), 2**63 - 1))
REAL = st.one_of(st.floats(-2, 100), st.floats())
ELEMENTS = (st.booleans(), WHOLE, REAL, TEXTS)
VALUES = st.one_of(*ELEMENTS, WORDS, *(st.lists(e, min_size=1, max_size=3) for e in ELEMENTS))


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    context = Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


@given(st.sampled_from(list(PARAMETERS)), VALUES)
def test_what_is_declared_has_the_right_type_and_an_allowed_value(context, name, value):
    default = {**DEFAULTS, **own_values(DEFAULT_MODEL)}[name]
    node = Node(
        "fuzzed",
        context=context,
        parameter_overrides=[Parameter(name, value=value)],
        enable_rosout=False,
        start_parameter_services=False,
    )
    declared = attempt(declare, node, name, default)
    node.destroy_node()
    if isinstance(declared, OpenSetError):
        assert f"parameter {name} " in str(declared)
    else:
        assert type(declared) is type(default) or PARAMETERS[name].words
        # A text may be given as a whole number.
        assert declared == (str(value) if type(value) is int and type(default) is str else value)
        check_value(name, declared)
