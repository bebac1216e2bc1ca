"""Disparities of a stereo camera like Lost and Found's (Cityscapes' calibration) become depths."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.disparity import depth_from_disparity

FOCAL_LENGTH = 2262.52
BASELINE = 0.209313


def message(disparity, window=(0, 0, 0, 0), padding=0, big_endian=False, **changed):
    disparity = np.asarray(disparity, ">f4" if big_endian else "<f4")
    height, width = disparity.shape
    image = SimpleNamespace(
        height=height,
        width=width,
        encoding="32FC1",
        is_bigendian=int(big_endian),
        step=4 * width + padding,
        data=b"".join(row.tobytes() + b"\xff" * padding for row in disparity),
    )
    x, y, w, h = window
    values = {
        "image": image,
        "f": FOCAL_LENGTH,
        "t": BASELINE,
        "min_disparity": 0.0,
        "max_disparity": 127.0,
        "valid_window": SimpleNamespace(x_offset=x, y_offset=y, width=w, height=h),
    }
    return SimpleNamespace(**{**values, **changed})


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("padding", [0, 6])
def test_depth_is_focal_length_times_baseline_over_disparity(padding, big_endian):
    # Files of Cityscapes' form hold 256 d + 1: 12125 means 47.36, which is 10 m.
    disparity = [[(12125 - 1) / 256, 9.4715], [94.7149, 4.7357]]
    depth = depth_from_disparity(message(disparity, padding=padding, big_endian=big_endian))
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, [[10.0, 50.0], [5.0, 100.0]], rtol=1e-3)


def test_disparities_that_say_nothing_have_no_depth():
    disparity = [[0.0, -1.0, np.nan, np.inf, 1.9, 2.0, 127.5, 128.0]]
    depth = depth_from_disparity(message(disparity, min_disparity=2.0))
    assert np.isfinite(depth).tolist() == [[False] * 5 + [True, True, False]]


def test_an_unset_maximum_bounds_nothing():
    assert np.isfinite(depth_from_disparity(message([[400.0]], max_disparity=0.0))).all()


def test_only_the_valid_window_counts():
    depth = depth_from_disparity(message(np.full((4, 5), 20.0), window=(1, 2, 3, 1)))
    assert np.argwhere(np.isfinite(depth)).tolist() == [[2, 1], [2, 2], [2, 3]]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"t": 0.0}, "baseline t is 0, not above 0: calibrate"),
        ({"f": float("nan")}, "focal length f is nan"),
    ],
)
def test_stereo_without_calibration_is_refused(changed, text):
    with pytest.raises(OpenSetError, match=text):
        depth_from_disparity(message([[20.0]], **changed))


def test_a_message_of_rclpy():
    stereo = pytest.importorskip("stereo_msgs.msg")
    ours = message([[20.0, 10.0]])
    disparity = stereo.DisparityImage(f=1000.0, t=0.1, max_disparity=64.0)
    for name, value in vars(ours.image).items():
        setattr(disparity.image, name, value)
    assert depth_from_disparity(disparity).tolist() == [[5.0, 10.0]]
