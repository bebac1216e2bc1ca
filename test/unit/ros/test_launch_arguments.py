"""Each kind of launch argument: what it takes, and the line that refuses the rest."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.launch_arguments import (
    BAG,
    CAMERAS,
    FLAG,
    LOG_LEVEL,
    NAMESPACE,
    PARAMETER_FILE,
    TEXT,
    TOPIC,
    Argument,
    node_parameter,
    number,
    read_arguments,
    refuse_unknown,
    whole,
)

GOOD = [
    (FLAG, "true", True),
    (FLAG, "False", False),
    (FLAG, "1", True),
    (whole(0, 65535), "8080", 8080),
    (whole(0, 65535), "0", 0),
    (number(0.1, 100), "5", 5.0),
    (number(0.1, 100), ".5", 0.5),
    (LOG_LEVEL, "warn", "warn"),
    (TEXT, "0.0.0.0", "0.0.0.0"),
    (TOPIC, "/camera/image_raw", "/camera/image_raw"),
    (TOPIC, "rig/{camera}/rgb", "rig/{camera}/rgb"),
    (TOPIC, "/{camera}/image", "/{camera}/image"),
    (NAMESPACE, "robot", "robot"),
    (NAMESPACE, "/fleet/robot_1", "/fleet/robot_1"),
    (CAMERAS, "front, rear", ("front", "rear")),
]
BAD = [
    (FLAG, "maybe", "'maybe': give true or false"),
    (FLAG, "", "'': give true or false"),
    (whole(0, 65535), "x", "'x': give a whole number from 0 to 65535"),
    (whole(0, 65535), "65536", "'65536': give a whole number"),
    (whole(0, 65535), "80.5", "'80.5': give a whole number"),
    (whole(0, 65535), "", "'': give a whole number"),
    (number(0.1, 100), "fast", "'fast': give a number from 0.1 to 100"),
    (number(0.1, 100), "nan", "'nan': give a number"),
    (number(0.1, 100), "inf", "'inf': give a number"),
    (LOG_LEVEL, "loud", "'loud': give one of debug, info, warn, error, fatal"),
    (TEXT, " ", "' ': give a text"),
    (TOPIC, "", "'': give the name of a topic"),
    (TOPIC, "/camera//image", "'/camera//image': give the name of a topic"),
    (TOPIC, "/camera/image raw", "give the name of a topic"),
    (TOPIC, "/camera/image/", "give the name of a topic"),
    (TOPIC, "/1/image", "give the name of a topic"),
    (NAMESPACE, "/robot/", "'/robot/': give a namespace"),
    (NAMESPACE, "my robot", "'my robot': give a namespace"),
    (CAMERAS, "front-left", "parameter cameras is ['front-left']: give names of letters"),
    (BAG, "/nowhere/drive", "'/nowhere/drive': give the folder of a bag"),
    (BAG, "", "'': give the folder of a bag"),
]
FILES = [
    ("threshold: 0.3\n", "is no file of parameters: write them under NODE, ros__parameters"),
    ("", "is no file of parameters"),
    ("openset:\n  ros__parameters:\n", "is no file of parameters"),
    ("openset:\n  ros__parameters: {a: 1}\n  threshold: 0.3\n", "is no file of parameters"),
    ("- threshold\n", "is no file of parameters"),
    ("a: b: c\n", "is no YAML: mapping values are not allowed"),
    ("a: [1\n", "is no YAML"),
    ("a: !!python/object/apply:os.system [true]\n", "is no YAML"),
    ("[" * 20000, "is no YAML"),
]


def read(kind, text, default=None):
    return read_arguments({"it": Argument(kind, default, "")}, {"it": text})["it"]


def refusal(kind, text):
    with pytest.raises(OpenSetError) as error:
        read(kind, text)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_what_a_kind_takes(kind, text, value):
    got = read(kind, text)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(("kind", "text", "reason"), BAD)
def test_what_a_kind_refuses(kind, text, reason):
    message = refusal(kind, text)
    assert message.startswith("launch argument it")
    assert reason in message


@pytest.mark.parametrize(("content", "reason"), FILES)
def test_files_that_hold_no_parameters_are_refused(tmp_path, content, reason):
    path = tmp_path / "file.yaml"
    path.write_text(content)
    message = refusal(PARAMETER_FILE, str(path))
    assert message.startswith(f"launch argument it: {path} ")
    assert reason in message


def test_files_that_cannot_be_read_are_refused(tmp_path):
    for path, reason in (
        ("/nope.yaml", "cannot read /nope.yaml: No such file or directory"),
        (str(tmp_path), f"cannot read {tmp_path}: Is a directory"),
    ):
        assert refusal(PARAMETER_FILE, path) == f"launch argument it: {reason}"
    (tmp_path / "weights").write_bytes(b"\xff\xfe\x00")
    assert refusal(PARAMETER_FILE, str(tmp_path / "weights")).endswith("it is no text")


def test_parameter_files_are_taken(tmp_path):
    nested = tmp_path / "nested.yaml"
    nested.write_text("robot:\n  openset:\n    ros__parameters: {threshold: 0.3}\n")
    for path in (nested, config_file("openset.yaml")):
        assert read(PARAMETER_FILE, str(path)) == str(path)


def test_an_optional_argument_may_be_empty():
    assert read(whole(0, 9), "", default="") is None
    assert read(whole(0, 9), "0", default="") == 0


def test_all_wrong_arguments_are_named_at_once():
    arguments = {"rviz": Argument(FLAG, "false", ""), "port": Argument(whole(0, 9), "1", "")}
    with pytest.raises(OpenSetError, match=r"^launch argument rviz is .*; launch argument port"):
        read_arguments(arguments, {"rviz": "maybe", "port": "x"})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("threshold", "0", 0),
        ("threshold", "0.3", 0.3),
        ("threshold", "calibrated", "calibrated"),
        ("resolution", "480", 480),
        ("resolution", "480.0", 480),
        ("smoothing", "1", 1.0),
        ("autostart", "false", False),
        ("model", "123", "123"),
        ("obstacle_source", "depth", "depth"),
    ],
)
def test_a_parameter_of_the_node_gets_the_type_of_the_node(name, text, value):
    got = read_arguments({name: node_parameter(name)}, {name: text})[name]
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("threshold", "2", "a value from 0 to 1 or calibrated"),
        ("threshold", "high", "a value from 0 to 1 or calibrated"),
        ("resolution", "480.5", "a whole number from 0 to 8192"),
        ("smoothing", "nan", "a value from 0 to 20"),
        ("autostart", "maybe", "true or false"),
        ("fusion", "msn", "one of op, msm"),
        ("backend", "fastest", "one of auto, torch"),
        ("obstacle_source", "lidar", "one of ground, depth, disparity"),
    ],
)
def test_a_parameter_of_the_node_is_checked_as_the_node_does(name, text, allowed):
    with pytest.raises(OpenSetError, match=re.escape(f"{name} is '{text}': give {allowed}")):
        read_arguments({name: node_parameter(name)}, {name: text})


def test_unknown_arguments_are_refused_with_the_nearest_name():
    known = ("fusion", "threshold", "web_port")
    refuse_unknown(["fusion", "sigterm_timeout"], known)
    with pytest.raises(OpenSetError) as error:
        refuse_unknown(["fusoin", "fusion", "webport", "zebra"], known)
    assert str(error.value) == (
        "there is no launch argument fusoin: did you mean fusion?; there is no launch argument "
        "webport: did you mean web_port?; there is no launch argument zebra: --show-args lists "
        "what there is"
    )


def test_launch_files_bring_no_torch():
    code = (
        "import ldn_openset_ros.ros.launch_arguments, sys\n"
        "print({'torch', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
