"""What the tutorials tell people to type exists: commands, options, arguments, parameters."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml

from ldn_openset_ros.cli.main import build_parser
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.resources import PACKAGE_NAME, share_directory
from ldn_openset_ros.ros.camera_names import camera_topic
from ldn_openset_ros.ros.parameters import PARAMETERS, check_value
from ldn_openset_ros.ros.recognition import OUTPUTS

ROOT = share_directory()
DOCUMENTS = (
    "doc/tutorial_camera.md",
    "doc/tutorial_replay.md",
    "doc/security.md",
    "doc/backends.md",
)
CAMERA_LAUNCH = "camera.launch.py"
TABLES = ("ARGUMENTS", "NODE_PARAMETERS", "PARAMETERS")
NODE_INPUTS = {
    camera_topic(camera, name)
    for camera in ("", "front", "rear")
    for name in ("image", "camera_info")
}
OTHERS = {"cd", "mkdir", "git", "python3", "export"}
"""Commands of the shell, which nothing here can make wrong."""

ROS2 = {"topic", "bag", "security", "lifecycle", "service"}
"""Verbs of `ros2` whose arguments are names and files."""


def commands(text: str) -> list[str]:
    """Return the lines of code blocks without a language, continued lines joined."""
    blocks = re.findall(r"^```\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


ALL = [
    pytest.param(line, id=f"{Path(path).stem}: {line}")
    for path in DOCUMENTS
    for line in commands((ROOT / path).read_text())
]


def launch_arguments(file: str) -> set[str]:
    """Return the arguments that a launch file declares, and those of the one it includes."""
    source = (ROOT / "launch" / file).read_text()
    names = set(PARAMETERS) if file == CAMERA_LAUNCH else set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id in TABLES:
            names |= {key.value for key in node.value.keys if key}
    included = file != CAMERA_LAUNCH and CAMERA_LAUNCH in re.findall(r'"(\S+)"', source)
    return names | (launch_arguments(CAMERA_LAUNCH) if included else set())


def executables() -> dict[str, str]:
    """Return the module of each executable, as setup.py has them."""
    entries = re.findall(r'"([\w-]+) = ([\w.]+):(\w+)"', (ROOT / "setup.py").read_text())
    return {
        name: module if function == "main" else module.replace("executables", function)
        for name, module, function in entries
    }


def check_launch(file: str, *arguments: str) -> None:
    known = launch_arguments(file)
    for argument in arguments:
        name, separator, value = argument.partition(":=")
        assert separator, argument
        assert name in known, f"{file} has no argument {name}"
        assert value
        if name in PARAMETERS and name not in ("cameras", "model"):
            check_parameter(name, value)


def check_parameter(name: str, value: str) -> None:
    assert name in PARAMETERS, f"the node has no parameter {name}"
    check_value(name, yaml.safe_load(value))


def check_executable(name: str, *arguments: str) -> None:
    """Check parameters by name: the node's are known, others are declared in their module."""
    if name == "ldn-openset":
        build_parser().parse_args(arguments)
        return
    module = executables()[name]
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
    words = iter(arguments)
    for word in words:
        if word == "-p":
            parameter, value = next(words).split(":=")
            if name == "openset_node":
                check_parameter(parameter, value)
            else:
                assert f'"{parameter}"' in source, f"{name} has no parameter {parameter}"
        elif word == "-r":
            assert name == "openset_node"
            assert next(words).split(":=")[0] in NODE_INPUTS
        elif word == "--enclave":
            assert next(words).startswith("/")
        else:
            assert word == "--ros-args"


def check_ros2(verb: str, *arguments: str) -> None:
    if verb in ("launch", "run") and arguments[0] == PACKAGE_NAME:
        check = check_launch if verb == "launch" else check_executable
        check(*arguments[1:])
    elif verb == "param":
        action, node, name, *value = arguments
        assert node == "/openset"
        if action == "set":
            check_parameter(name, *value)
        else:
            assert (action, value) == ("describe", [])
            assert name in PARAMETERS
    else:
        assert verb in ROS2 or (verb, arguments[0]) == ("run", "rqt_reconfigure")
    outputs = {a.removeprefix("/openset/") for a in arguments if a.startswith("/openset/")}
    assert outputs <= {*OUTPUTS, "legend", "enable"}


def check_command(line: str) -> None:
    words = shlex.split(line)
    program = words[0].removeprefix(".venv/bin/")
    if program == "ros2":
        check_ros2(*words[1:])
    elif program == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
    elif program in executables():
        check_executable(program, *words[1:])
    else:
        assert program in OTHERS, f"what is {program}?"


@pytest.mark.parametrize("line", ALL)
def test_what_people_are_told_to_type_exists(line):
    check_command(line)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path):
    document = ROOT / path
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    assert links
    for link in links:
        assert (document.parent / link).is_file(), link


@pytest.mark.parametrize(
    "line",
    [
        "ldn-openset judge drive",
        "ldn-openset report drive --pdf",
        "ldn-openset make-bag --dataset nowhere --root DIR -o BAG",
        "ros2 launch ldn_openset_ros camera.launch.py picture:=/camera",
        "ros2 launch ldn_openset_ros camera.launch.py threshold:=2",
        "ros2 launch ldn_openset_ros bird.launch.py",
        "ros2 run ldn_openset_ros bird_node",
        "ros2 run ldn_openset_ros ldn-openset models --fly",
        "ros2 param set /openset treshold 0.4",
        "ros2 param set /openset threshold 4",
        "ros2 bag record /openset/overlays",
        ".venv/bin/openset_node --ros-args -p fusion:=magic",
        ".venv/bin/openset_node --ros-args -r picture:=/camera",
        ".venv/bin/player --ros-args -p bags:=drive",
        "make coffee",
        "sudo ldn-openset",
    ],
)
def test_what_does_not_exist_is_noticed(line):
    with pytest.raises((AssertionError, SystemExit, KeyError, OSError, OpenSetError)):
        check_command(line)
