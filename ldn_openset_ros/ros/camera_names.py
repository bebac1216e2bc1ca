"""Names of the cameras that share a node, and the topics that belong to a name. No ROS here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ldn_openset_ros.errors import OpenSetError, one_line

ONLY_CAMERA = ("",)
"""The cameras of a node that serves one without a name."""

CAMERA_NAMES = "names of letters, digits and single underscores, each once"
PLACEHOLDER = "{camera}"

_NAME = re.compile("[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")


def check_cameras(names: Any) -> None:
    """Raise OpenSetError where names of cameras cannot be parts of topic names."""
    are_texts = isinstance(names, list | tuple) and all(type(name) is str for name in names)
    if are_texts and tuple(names) == ONLY_CAMERA:
        return
    if (
        not are_texts
        or not names
        or len(set(names)) < len(names)
        or not all(map(_NAME.fullmatch, names))
    ):
        raise OpenSetError(
            f"parameter cameras is {one_line(repr(list(names) if are_texts else names))}: give "
            f"{CAMERA_NAMES}, or a single empty one"
        )


def read_cameras(text: str) -> tuple[str, ...]:
    """Return the names in a text, separated by blanks or commas; ONLY_CAMERA for an empty one.

    Raises OpenSetError where they cannot be parts of topic names.
    """
    names = tuple(text.replace(",", " ").split()) or ONLY_CAMERA
    check_cameras(names)
    return names


def camera_topic(camera: str, name: str) -> str:
    """Return a topic's name with the camera's before it: `front/image`, or `image`."""
    return f"{camera}/{name}" if camera else name


def fill_in(pattern: str, camera: str) -> str:
    """Return a pattern with the camera's name in place of `{camera}`."""
    return pattern.replace(PLACEHOLDER, camera)


def camera_remappings(
    cameras: Sequence[str], patterns: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return (from, to) of every camera's topics.

    patterns: from the name that the node knows, such as `image`, to a topic in which `{camera}`
    stands for the camera's name. Raises OpenSetError where it is missing for several cameras, or
    there for one that has no name.
    """
    for name, pattern in patterns.items():
        if PLACEHOLDER in pattern and tuple(cameras) == ONLY_CAMERA:
            raise OpenSetError(
                f"{name} is {pattern}, but no camera has a name: give names by cameras, or a topic"
            )
        if PLACEHOLDER not in pattern and len(cameras) > 1:
            raise OpenSetError(
                f"{name} is {pattern} for {len(cameras)} cameras: write {PLACEHOLDER} where the "
                "name of the camera belongs"
            )
    return [
        (camera_topic(camera, name), fill_in(pattern, camera))
        for camera in cameras
        for name, pattern in patterns.items()
    ]
