"""The node's maps as JPEG pictures for people. No ROS here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.overlay import heat_map
from ldn_openset_ros.ros.images import decode_float, decode_image, decode_map


def jpeg(message: Any, view: str, legend: dict | None, max_width: int, quality: int) -> bytes:
    """Return an image message of the node as a JPEG file.

    view: one of VIEWS, which is the name of the message's topic as well. legend: the node's, which
    `open_set` is coloured by. max_width: wider ones are reduced to so many pixels. quality: 1 to
    100, OpenCV's.

    Raises OpenSetError where the message cannot be decoded, or the legend is missing.
    """
    rgb = _PAINT[view](message, legend, max_width)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return data.tobytes()


def palette_of(legend: dict) -> np.ndarray:
    """Return the uint8 (256, 3) RGB look-up table of a legend; ids it does not name are black."""
    table = np.zeros((256, 3), np.uint8)
    for entry in legend["classes"]:
        table[entry["id"]] = entry["colour"]
    return table


def _reduced(pixels: np.ndarray, max_width: int, interpolation: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    if width <= max_width:
        return pixels
    size = (max_width, max(1, round(height * max_width / width)))
    return cv2.resize(pixels, size, interpolation=interpolation)


def _overlay(message: Any, legend: dict | None, max_width: int) -> np.ndarray:
    return _reduced(decode_image(message), max_width, cv2.INTER_AREA)


def _outlier_probability(message: Any, legend: dict | None, max_width: int) -> np.ndarray:
    return heat_map(_reduced(decode_float(message), max_width, cv2.INTER_AREA))


def _open_set(message: Any, legend: dict | None, max_width: int) -> np.ndarray:
    if legend is None:
        raise OpenSetError("the legend has not arrived: without it the map has no colours")
    ids = _reduced(decode_map(message), max_width, cv2.INTER_NEAREST)  # ids have no means
    return palette_of(legend)[ids]


_PAINT: dict[str, Callable[[Any, dict | None, int], np.ndarray]] = {
    "overlay": _overlay,
    "outlier_probability": _outlier_probability,
    "open_set": _open_set,
}
VIEWS = tuple(_PAINT)
"""What the page can show: outputs of the node."""
