"""`config/openset.rviz` for the topics of a launched node. No ROS here."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from ldn_openset_ros.ros.camera_names import ONLY_CAMERA, camera_topic

SHOWN_IMAGE = "/camera/image_raw"
SHOWN_NODE = "/openset/"


def rviz_config(text: str, node: str, images: Mapping[str, str]) -> str:
    """Return an RViz configuration whose displays show the cameras of a node.

    text: the configuration for SHOWN_IMAGE and the outputs of SHOWN_NODE. node: the node's full
    name, `/openset`. images: from each camera's name, empty for a node's only one, to the full
    name of its image topic. Cameras with names get a group of displays each, of which the first
    is switched on: nothing is computed for what no display shows.
    """
    config = yaml.safe_load(text)
    manager = config["Visualization Manager"]
    displays = manager["Displays"]
    shown = [
        [_pointed_at(display, node, camera, image) for display in displays]
        for camera, image in images.items()
    ]
    if tuple(images) == ONLY_CAMERA:
        manager["Displays"] = shown[0]
    else:
        manager["Displays"] = [
            _group(camera, own, on=number == 0)
            for number, (camera, own) in enumerate(zip(images, shown, strict=True))
        ]
    return yaml.safe_dump(config, sort_keys=False)


def absolute_name(name: str, namespace: str) -> str:
    """Return the full name of a topic or node that is named within a namespace."""
    if name.startswith("/"):
        return name
    return "/" + "/".join(part for part in (namespace.strip("/"), name) if part)


def _pointed_at(display: Mapping[str, Any], node: str, camera: str, image: str) -> dict[str, Any]:
    display = copy.deepcopy(dict(display))
    topic = display["Topic"]["Value"]
    if topic == SHOWN_IMAGE:
        topic = image
    elif topic.startswith(SHOWN_NODE):
        topic = f"{node}/{camera_topic(camera, topic.removeprefix(SHOWN_NODE))}"
    display["Topic"]["Value"] = topic
    if camera:
        display["Name"] = f"{display['Name']}, {camera}"
    return display


def _group(camera: str, displays: list[dict[str, Any]], on: bool) -> dict[str, Any]:
    return {
        "Class": "rviz_common/Group",
        "Displays": displays,
        "Enabled": on,
        "Name": camera,
    }
