"""Calibrations as camera_calibration writes them and drivers read them. No ROS here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from ldn_openset_ros.errors import OpenSetError, one_line
from ldn_openset_ros.ros.camera_info import camera_model

FILE, PACKAGE = "file://", "package://"
_MATRICES = {
    "k": ("camera_matrix", 9),
    "d": ("distortion_coefficients", None),
    "r": ("rectification_matrix", 9),
    "p": ("projection_matrix", 12),
}


def read_calibration(url: str) -> dict[str, Any]:
    """Return the fields of a sensor_msgs/CameraInfo, without a header, that a file gives.

    url: file:///PATH, package://PACKAGE/PATH or a path; a YAML file of camera_calibration_parsers.
    Raises OpenSetError, with the file and the remedy, where it cannot be read or is no calibration
    of a pinhole camera.
    """
    path = _path_of(url)
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise OpenSetError(f"camera_info_url: cannot read {path}: {reason}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise OpenSetError(f"camera_info_url: {path} is no YAML: {one_line(error)}") from None
    try:
        fields = _fields(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OpenSetError(
            f"camera_info_url: {path} is no calibration ({one_line(error)}): give the YAML file "
            "of `ros2 run camera_calibration cameracalibrator`"
        ) from None
    width, height = fields["width"], fields["height"]
    try:
        camera_model(_with_defaults(fields), width, height, rectified=False)
        camera_model(_with_defaults(fields), width, height, rectified=True)
    except OpenSetError as error:
        raise OpenSetError(f"camera_info_url: {path}: {error}") from None
    return fields


def _path_of(url: str) -> Path:
    if url.startswith(PACKAGE):
        package, _, rest = url.removeprefix(PACKAGE).partition("/")
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

        try:
            return Path(get_package_share_directory(package)) / rest
        except (PackageNotFoundError, ValueError):
            raise OpenSetError(f"camera_info_url: {url}: no package {package!r}") from None
    path = url.removeprefix(FILE)
    if "://" in path:
        raise OpenSetError(f"camera_info_url is {url}: give {FILE}/PATH or {PACKAGE}PACKAGE/PATH")
    return Path(path)


def _fields(content: Any) -> dict[str, Any]:
    size = {"width": content["image_width"], "height": content["image_height"]}
    if not all(type(side) is int and 0 < side < 2**31 for side in size.values()):
        raise ValueError("image_width and image_height are no sizes")
    matrices = {}
    for field, (name, length) in _MATRICES.items():
        values = [float(value) for value in content[name]["data"]]
        if length not in (None, len(values)):
            raise ValueError(f"{name} has {len(values)} numbers, not {length}")
        matrices[field] = values
    model = content["distortion_model"]
    if not isinstance(model, str):
        raise TypeError("distortion_model is no text")
    return {**size, "distortion_model": model, **matrices}


def _with_defaults(fields: dict[str, Any]) -> SimpleNamespace:
    """Return what stands for a message: neither binned nor cropped."""
    region = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)
    return SimpleNamespace(**fields, binning_x=0, binning_y=0, roi=region)
