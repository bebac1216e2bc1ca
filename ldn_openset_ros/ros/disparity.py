"""Depth from stereo_msgs/DisparityImage. No ROS is imported: rosbags' messages do as well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.images import decode_float


def depth_from_disparity(message: Any) -> np.ndarray:
    """Return the depth along the optical axis of the left camera, float32 (H, W), metres.

    Z = f T / d. NaN where there is none: outside `valid_window` (0x0 is taken for everywhere),
    where d is not finite, not positive or less than `min_disparity`, or a pixel or more above
    `max_disparity` (refinement below a pixel may pass the last disparity searched; 0 is unset).

    Raises OpenSetError where the image, the focal length or the baseline is malformed.
    """
    disparity = decode_float(message.image)
    for name, value in (("focal length f", message.f), ("baseline t", message.t)):
        if not math.isfinite(value) or value <= 0:
            raise OpenSetError(
                f"disparity image: {name} is {value:g}, not above 0: calibrate the stereo cameras"
            )
    valid = np.isfinite(disparity) & (disparity > 0) & (disparity >= message.min_disparity)
    if message.max_disparity > 0:
        valid &= disparity < message.max_disparity + 1
    window = message.valid_window
    if window.width and window.height:
        inside = np.zeros_like(valid)
        bottom, right = window.y_offset + window.height, window.x_offset + window.width
        inside[window.y_offset : bottom, window.x_offset : right] = True
        valid &= inside
    depth = np.full(disparity.shape, np.nan, np.float32)
    np.divide(np.float32(message.f * message.t), disparity, out=depth, where=valid)
    return depth
