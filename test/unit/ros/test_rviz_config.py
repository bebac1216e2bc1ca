"""`config/openset.rviz` shows topics that exist, in a form that RViz's Image display takes."""

from __future__ import annotations

import pytest
import yaml

from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.recognition import OUTPUTS

CAMERA = "/camera/image_raw"


@pytest.fixture(scope="module")
def displays():
    content = yaml.safe_load(config_file("openset.rviz").read_text())
    shown = content["Visualization Manager"]["Displays"]
    return {display["Topic"]["Value"]: display for display in shown}


def test_topics_are_those_of_the_node(displays):
    published = {f"/openset/{name}" for name in OUTPUTS}
    assert set(displays) <= published | {CAMERA}
    assert {CAMERA, "/openset/overlay", "/openset/outlier_probability"} <= set(displays)


def test_displays_are_images(displays):
    for display in displays.values():
        assert display["Class"] == "rviz_default_plugins/Image"
        assert display["Enabled"] is display["Value"] is True


def test_probabilities_have_a_fixed_range(displays):
    heat = displays["/openset/outlier_probability"]
    assert heat["Normalize Range"] is False
    assert (heat["Min Value"], heat["Max Value"]) == (0, 1)


def test_the_camera_may_be_best_effort(displays):
    assert displays[CAMERA]["Topic"]["Reliability Policy"] == "Best Effort"
