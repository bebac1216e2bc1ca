from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from ldn_openset_ros.ros.declaration import descriptor
from ldn_openset_ros.ros.parameters import DEFAULTS, PARAMETERS

EXAMPLES = {**DEFAULTS, "resolution": 0, "fusion": "op", "threshold": 0.5, "smoothing": 0.0}


@pytest.mark.parametrize("name", PARAMETERS)
def test_descriptors_describe(name):
    described = descriptor(name, EXAMPLES[name])
    assert described.description == PARAMETERS[name].description
    assert not described.read_only  # the node itself refuses what configure has read
    ranges = [*described.integer_range, *described.floating_point_range]
    assert bool(ranges) != bool(described.additional_constraints)


def test_ranges_have_the_type_of_the_parameter():
    (whole,) = descriptor("resolution", 0).integer_range
    assert (whole.from_value, whole.to_value) == (0, 8192)
    (real,) = descriptor("smoothing", 0.0).floating_point_range
    assert (real.from_value, real.to_value) == (0.0, 20.0)


def test_a_number_or_a_word_has_no_fixed_type():
    described = descriptor("threshold", 0.5)
    assert described.dynamic_typing
    assert described.additional_constraints == "a value from 0 to 1 or calibrated"
    assert not descriptor("smoothing", 0.0).dynamic_typing


def test_choices_are_written_out():
    assert descriptor("allow_multi_pass", False).additional_constraints == "true or false"
    scores = descriptor("fusion", "op").additional_constraints
    assert scores == (
        "one of op, msm, op_x_msm, op_plus_msm, dense_hybrid, entropy, max_logit, "
        "standardised_max_logit, energy"
    )
    constraints = descriptor("image_transport", "raw").additional_constraints
    assert constraints == "one of raw, compressed"
