from __future__ import annotations

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_names import (
    ONLY_CAMERA,
    camera_remappings,
    camera_topic,
    read_cameras,
)


@pytest.mark.parametrize("text", ["front rear", "front,rear", " front , rear ", "front\nrear"])
def test_names_are_separated_by_blanks_or_commas(text):
    assert read_cameras(text) == ("front", "rear")


def test_no_name_is_a_camera_without_a_name():
    assert read_cameras(" ") == ONLY_CAMERA
    assert camera_topic("", "image") == "image"
    assert camera_topic("front", "image") == "front/image"


# The last one takes for ever where a pattern can match a text in many ways.
@pytest.mark.parametrize("text", ["front front", "a/b", "front-left", "2nd", "a" * 60 + "!"])
def test_names_that_are_no_topics_are_refused(text):
    with pytest.raises(OpenSetError, match=r"parameter cameras is .* give names of letters"):
        read_cameras(text)


def test_every_camera_is_remapped_by_the_patterns():
    patterns = {"image": "/{camera}/image_raw", "camera_info": "/rig/info/{camera}"}
    assert camera_remappings(("front", "rear"), patterns) == [
        ("front/image", "/front/image_raw"),
        ("front/camera_info", "/rig/info/front"),
        ("rear/image", "/rear/image_raw"),
        ("rear/camera_info", "/rig/info/rear"),
    ]


def test_a_single_camera_needs_no_placeholder():
    assert camera_remappings(ONLY_CAMERA, {"image": "/cam"}) == [("image", "/cam")]
    assert camera_remappings(("front",), {"image": "/cam"}) == [("front/image", "/cam")]


def test_cameras_on_one_topic_are_refused():
    with pytest.raises(OpenSetError, match=r"image is /cam for 2 cameras: write \{camera\}"):
        camera_remappings(("front", "rear"), {"image": "/cam"})


def test_a_pattern_without_names_is_refused():
    with pytest.raises(OpenSetError, match=r"image is /\{camera\}, but no camera has a name"):
        camera_remappings(ONLY_CAMERA, {"image": "/{camera}"})
