"""`config/openset.rviz` and what is made of it show topics that exist, as RViz takes them."""

from __future__ import annotations

import pytest
import yaml

from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.recognition import OUTPUTS
from ldn_openset_ros.ros.rviz_config import absolute_name, rviz_config

CAMERA = "/camera/image_raw"
OBJECTS = {
    "/openset/markers": "rviz_default_plugins/MarkerArray",
    "/openset/obstacles": "rviz_default_plugins/PointCloud2",
}


@pytest.fixture(scope="module")
def displays():
    content = yaml.safe_load(config_file("openset.rviz").read_text())
    shown = content["Visualization Manager"]["Displays"]
    return {display["Topic"]["Value"]: display for display in shown}


def test_topics_are_those_of_the_node(displays):
    published = {f"/openset/{name}" for name in OUTPUTS}
    assert set(displays) <= published | {CAMERA} | set(OBJECTS)
    assert set(OBJECTS) <= set(displays)
    assert {CAMERA, "/openset/overlay", "/openset/outlier_probability"} <= set(displays)


def test_displays_are_of_the_topics_kind(displays):
    for topic, display in displays.items():
        assert display["Class"] == OBJECTS.get(topic, "rviz_default_plugins/Image")
        assert display["Enabled"] is display["Value"] is True


def test_probabilities_have_a_fixed_range(displays):
    heat = displays["/openset/outlier_probability"]
    assert heat["Normalize Range"] is False
    assert (heat["Min Value"], heat["Max Value"]) == (0, 1)


def test_the_camera_may_be_best_effort(displays):
    assert displays[CAMERA]["Topic"]["Reliability Policy"] == "Best Effort"


def made(node, images):
    """The configuration for a node and its cameras, read back: all of it, its displays."""
    content = yaml.safe_load(rviz_config(config_file("openset.rviz").read_text(), node, images))
    return content, content["Visualization Manager"]["Displays"]


def topics(displays):
    return [display["Topic"]["Value"] for display in displays]


def test_as_launched_by_default_it_is_the_file_itself():
    content, _ = made("/openset", {"": CAMERA})
    assert content == yaml.safe_load(config_file("openset.rviz").read_text())


def test_topics_follow_the_namespace_and_the_camera(displays):
    _, shown = made("/robot/openset", {"": "/robot/cam"})
    assert topics(shown) == [
        "/robot/cam" if topic == CAMERA else f"/robot{topic}" for topic in displays
    ]
    assert [display["Name"] for display in shown] == [d["Name"] for d in displays.values()]


def test_several_cameras_have_a_group_each_and_the_first_is_on(displays):
    _, groups = made("/openset", {"front": "/front/image_raw", "rear": "/rear/image_raw"})
    assert [(group["Name"], group["Enabled"]) for group in groups] == [
        ("front", True),
        ("rear", False),
    ]
    for group in groups:
        name = group["Name"]
        assert group["Class"] == "rviz_common/Group"
        assert topics(group["Displays"]) == [
            f"/{name}/image_raw" if topic == CAMERA else f"/openset/{name}/{topic[9:]}"
            for topic in displays
        ]
        # Image displays are windows, told apart by their titles.
        assert group["Displays"][1]["Name"] == f"Overlay, {name}"
        assert group["Displays"][1]["Class"] == "rviz_default_plugins/Image"


@pytest.mark.parametrize(
    ("name", "namespace", "full"),
    [
        ("/front/image", "robot", "/front/image"),
        ("image", "", "/image"),
        ("image", "/", "/image"),
        ("image", "/robot/a/", "/robot/a/image"),
        ("openset", "robot", "/robot/openset"),
    ],
)
def test_names_within_a_namespace(name, namespace, full):
    assert absolute_name(name, namespace) == full
