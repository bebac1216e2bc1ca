"""Geometry of a camera from sensor_msgs/CameraInfo, and the message for a resized image.

No ROS is imported: a message is anything with the attributes of `sensor_msgs/CameraInfo`, be it
rclpy's or one of the `rosbags` library. Pixel coordinates are OpenCV's: (0, 0) is the centre of
the first pixel, so resizing or binning by s moves a coordinate u to (u + 0.5) s - 0.5. image_proc
and image_geometry multiply the principal point by s alone, which is off by (s - 1) / 2 pixels
against the pictures they make; what is returned here fits the picture.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ldn_openset_ros.errors import OpenSetError

COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
"""Distortion models of sensor_msgs and the numbers of coefficients that OpenCV takes for each."""

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class CameraModel:
    """How a camera projects, in the pixels of its image as it is published.

    Size, focal lengths and principal point in pixels; `distortion` is empty for a rectified or
    ideal image; `rotation` (3x3, row by row) turns the sensor's axes into those of the optical
    frame, which in ROS are the rectified image's.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion_model: str = ""
    distortion: tuple[float, ...] = ()
    rotation: tuple[float, ...] = IDENTITY

    @property
    def matrix(self) -> np.ndarray:
        """The intrinsic matrix, float64 (3, 3)."""
        return np.float64([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])


@dataclass(frozen=True)
class _Window:
    """Part of the full sensor that an image shows, and how many pixels are binned into one.

    Each pair is (along x, along y), in unbinned pixels.
    """

    full: tuple[int, int]
    offset: tuple[int, int]
    size: tuple[int, int]
    binning: tuple[int, int]
    partial: bool

    @property
    def image_size(self) -> tuple[int, int]:
        return self.size[0] // self.binning[0], self.size[1] // self.binning[1]


def shows_rectified(topic: str) -> bool:
    """Tell from the name of an image topic whether it is rectified (`image_rect*`, REP-104)."""
    return any(part.startswith("image_rect") for part in topic.split("/"))


def camera_model(message: Any, width: int, height: int, rectified: bool) -> CameraModel:
    """Return the model of the camera whose images have `width` x `height` pixels.

    A raw image is described by K, D and R, a rectified one by P; both are given for the full
    sensor, so that binning and region of interest are applied here. The offset of a second stereo
    camera in P is left out: the origin is the camera's own optical centre.

    Raises OpenSetError where the message is uncalibrated, malformed or of another image.
    """
    window = _window(message)
    if window.image_size != (width, height):
        raise OpenSetError(
            f"camera_info is of images of {_size(window.image_size)} pixels, the image has "
            f"{_size((width, height))}: remap camera_info to the topic beside the image's"
        )
    name, rows = ("p", 4) if rectified else ("k", 3)
    matrix = _numbers(message, name)
    if matrix[0] == 0:
        raise OpenSetError(
            f"camera_info is uncalibrated ({name.upper()} is zero): calibrate the camera, or have "
            "its driver load the calibration"
        )
    fx, fy, cx, cy = matrix[0], matrix[rows + 1], matrix[2], matrix[rows + 2]
    bottom = matrix[2 * rows : 2 * rows + 3]
    if fx < 0 or fy <= 0 or matrix[1] or matrix[rows] or tuple(bottom) != (0, 0, 1):
        raise OpenSetError(
            f"camera_info: {name.upper()} is no matrix of a pinhole camera: calibrate it anew"
        )
    (offset_x, offset_y), (binning_x, binning_y) = window.offset, window.binning
    intrinsics = {
        "width": width,
        "height": height,
        "fx": fx / binning_x,
        "fy": fy / binning_y,
        "cx": (cx - offset_x + 0.5) / binning_x - 0.5,
        "cy": (cy - offset_y + 0.5) / binning_y - 0.5,
    }
    if rectified:
        return CameraModel(**intrinsics)
    return CameraModel(
        **intrinsics,
        distortion_model=message.distortion_model,
        distortion=_distortion(message),
        rotation=_rotation(message),
    )


def scaled_camera_info(message: Any, width: int, height: int) -> Any:
    """Return a copy of a message that describes its image resized to `width` x `height` pixels.

    K and the first two rows of P (with a stereo camera's offset), full size and region of interest
    are scaled; binning, D, R and header stay, and so do matrices that are zero (uncalibrated).
    Offsets of the region are whole pixels: what rounding takes from them goes into the principal
    point, so that a point of the scene keeps its exact place in the image.

    Raises OpenSetError where the sizes, K or P are malformed.
    """
    window = _window(message)
    scaled = copy.deepcopy(message)
    if window.image_size == (width, height):
        return scaled
    if width < 1 or height < 1:
        raise ValueError(f"no image has {_size((width, height))} pixels")
    scale = (width / window.image_size[0], height / window.image_size[1])
    size = (width * window.binning[0], height * window.binning[1])
    offset = tuple(round(start * s) for start, s in zip(window.offset, scale, strict=True))
    full = size
    if window.partial:
        full = tuple(
            max(round(window.full[axis] * scale[axis]), offset[axis] + size[axis])
            for axis in (0, 1)
        )
        scaled.roi.x_offset, scaled.roi.y_offset = offset
        scaled.roi.width, scaled.roi.height = size
    scaled.width, scaled.height = full
    for name, columns in (("k", 3), ("p", 4)):
        matrix = _numbers(message, name).reshape(3, columns)
        if matrix[0, 0]:
            for axis, s in enumerate(scale):
                matrix[axis] *= s
                rounded = offset[axis] - window.offset[axis] * s
                matrix[axis, 2] += (s - 1) / 2 + rounded
        setattr(scaled, name, matrix.ravel())
    return scaled


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _window(message: Any) -> _Window:
    roi = message.roi
    full = (int(message.width), int(message.height))
    offset = (int(roi.x_offset), int(roi.y_offset))
    size = (int(roi.width), int(roi.height))
    binning = (max(int(message.binning_x), 1), max(int(message.binning_y), 1))
    partial = any((*offset, *size))
    if min(full) < 1:
        raise OpenSetError(
            f"camera_info has a size of {_size(full)} pixels: have the camera driver load the "
            "calibration"
        )
    if partial and (
        min(size) < 1 or offset[0] + size[0] > full[0] or offset[1] + size[1] > full[1]
    ):
        raise OpenSetError(
            f"camera_info: region of interest of {_size(size)} pixels at {offset} is not within "
            f"{_size(full)}: give it in unbinned pixels of the full sensor, or all 0"
        )
    window = _Window(full, offset, size if partial else full, binning, partial)
    if min(window.image_size) < 1:
        raise OpenSetError(
            f"camera_info: binning of {_size(binning)} leaves nothing of {_size(window.size)} "
            "pixels: correct the camera driver's binning"
        )
    return window


def _numbers(message: Any, name: str) -> np.ndarray:
    """Return a field of numbers as float64, in memory of its own."""
    values = np.array(getattr(message, name), np.float64)
    lengths = {"k": 9, "r": 9, "p": 12}
    if values.shape != (lengths.get(name, values.size),) or not np.isfinite(values).all():
        raise OpenSetError(
            f"camera_info: {name.upper()} is malformed (not finite, or of a wrong length): "
            "calibrate the camera anew"
        )
    return values


def _distortion(message: Any) -> tuple[float, ...]:
    """Return D; empty where it is all zero."""
    values = _numbers(message, "d")
    if not values.any():
        return ()
    model = message.distortion_model
    if model not in COEFFICIENTS:
        raise OpenSetError(
            f"camera_info: distortion model {model[:40]!r} is unknown: use one of "
            f"{', '.join(COEFFICIENTS)}, or subscribe to the rectified image"
        )
    if values.size not in COEFFICIENTS[model]:
        due = " or ".join(map(str, COEFFICIENTS[model]))
        raise OpenSetError(
            f"camera_info: D has {values.size} coefficients where {model} takes {due}: calibrate "
            "the camera anew"
        )
    return tuple(values.tolist())


def _rotation(message: Any) -> tuple[float, ...]:
    """Return R; the identity where it is all zero, as drivers of single cameras leave it."""
    values = _numbers(message, "r")
    if not values.any():
        return IDENTITY
    matrix = values.reshape(3, 3)
    if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-3) or np.linalg.det(matrix) < 0:
        raise OpenSetError("camera_info: R is no rotation: calibrate the camera anew")
    return tuple(values.tolist())
