"""Signs and order of a camera's pose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_mount import CameraMount

AHEAD = np.float64([[0, 0, 10]])
RIGHT = np.float64([[2, 0, 0]])


def test_optical_axes_become_forward_left_up():
    moved = CameraMount(1.5).to_base_link(np.float64([[1, 2, 30]]))
    assert moved.dtype == np.float32
    assert moved.tolist() == [[30, -1, -0.5]]


def test_a_positive_pitch_looks_down():
    moved = CameraMount(6.0, pitch=math.asin(0.6)).to_base_link(AHEAD)
    np.testing.assert_allclose(moved, [[8, 0, 0]], atol=1e-6)


def test_a_positive_yaw_looks_to_the_left():
    moved = CameraMount(1.0, yaw=math.pi / 2).to_base_link(AHEAD)
    np.testing.assert_allclose(moved, [[0, 10, 1]], atol=1e-6)


def test_a_positive_roll_lowers_the_right_side():
    moved = CameraMount(3.0, roll=math.pi / 2).to_base_link(RIGHT)
    np.testing.assert_allclose(moved, [[0, 0, 1]], atol=1e-6)


def test_roll_comes_first_then_pitch_then_yaw():
    mount = CameraMount(10.0, pitch=math.pi / 4, roll=math.pi / 2, yaw=math.pi / 2)
    # Right becomes down by the roll; the pitch turns down to back and down, the yaw back to right.
    step = math.sqrt(2)
    np.testing.assert_allclose(
        mount.to_base_link(RIGHT), [[0, -step, 10 - step]], rtol=1e-6, atol=1e-6
    )


def test_the_origin_may_be_elsewhere():
    moved = CameraMount(1.5, x=2.0, y=-0.5).to_base_link(AHEAD)
    assert moved.tolist() == [[12, -0.5, 1.5]]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"height": 0.0}, "height is 0 m: give the metres above the ground"),
        ({"height": math.nan}, "height must be a finite number"),
        ({"height": 1.0, "pitch": 90.0}, "pitch is 90: give radians"),
        ({"height": 1.0, "y": math.inf}, "y must be a finite number"),
    ],
)
def test_values_out_of_range_are_refused(values, text):
    with pytest.raises(OpenSetError, match=text):
        CameraMount(**values)
