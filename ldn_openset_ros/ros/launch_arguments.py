"""Arguments of the launch files: what they take, read before anything starts. No ROS here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from ldn_openset_ros.errors import OpenSetError, flat, one_line
from ldn_openset_ros.ros.camera_names import CAMERA_NAMES, PLACEHOLDER, read_cameras
from ldn_openset_ros.ros.parameters import PARAMETERS, NodeSettings, allowed_values, check_value

READ_BY_LAUNCH = (
    "sigterm_timeout",
    "sigkill_timeout",
    "emulate_tty",
    "launch-prefix",
    "launch-prefix-filter",
)
"""Arguments that launch itself takes with every launch file."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TOPIC = re.compile(f"(/|~/)?{_NAME}(/{_NAME})*")
_NAMESPACE = re.compile(f"/|/?{_NAME}(/{_NAME})*")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SECTION, _NODE = "ros__parameters", "openset"


@dataclass(frozen=True)
class Kind:
    """What an argument takes.

    allowed: completes "give ...". read: makes the value of a text; raises ValueError where that is
    not allowed, or OpenSetError where a reason helps.
    """

    allowed: str
    read: Callable[[str], Any]


@dataclass(frozen=True)
class Argument:
    """An argument of a launch file.

    default: "" makes the argument one that may be left out, None one that must be given.
    """

    kind: Kind
    default: str | None
    description: str


def read_arguments(arguments: Mapping[str, Argument], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of arguments, by name; None for what was left out.

    texts: what launch has for each. Raises OpenSetError, one line that names every wrong argument,
    its text and what it takes.
    """
    values, wrong = {}, []
    for name, argument in arguments.items():
        try:
            values[name] = _read(argument, texts[name])
        except ValueError:
            given = one_line(repr(texts[name]))
            wrong.append(f"launch argument {name} is {given}: give {argument.kind.allowed}")
        except OpenSetError as error:
            wrong.append(f"launch argument {name}: {error}")
    if wrong:
        raise OpenSetError("; ".join(wrong))
    return values


def refuse_unknown(given: Collection[str], known: Collection[str]) -> None:
    """Raise OpenSetError for names that no argument has: launch itself passes them over."""
    unknown = [name for name in given if name not in known and name not in READ_BY_LAUNCH]
    if unknown:
        nearest = ((name, get_close_matches(name, known, 1)) for name in unknown)
        raise OpenSetError(
            "; ".join(
                f"there is no launch argument {one_line(name)}: "
                + (f"did you mean {near[0]}?" if near else "--show-args lists what there is")
                for name, near in nearest
            )
        )


def whole(low: int, high: int) -> Kind:
    """Take a whole number, both bounds allowed."""
    return _within("a whole number", _whole, low, high)


def number(low: float, high: float) -> Kind:
    """Take a number, both bounds allowed."""
    return _within("a number", float, low, high)


def _within(what: str, convert: Callable[[str], float], low: float, high: float) -> Kind:
    def read(text: str) -> float:
        value = convert(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Kind(f"{what} from {low:.10g} to {high:.10g}", read)


def one_of(*words: str) -> Kind:
    """Take one of some words, in small letters or capitals."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return Kind(f"one of {', '.join(words)}", read)


def node_parameter(name: str) -> Argument:
    """Return the argument for a parameter of the node, which takes what the node takes.

    Where it is left out, params_file and then the model decide.
    """
    info = PARAMETERS[name]
    kind = next(f.type for f in fields(NodeSettings) if f.name == name)
    convert = {"int": _whole, "float": float, "bool": _flag, "float | str": _number_or_word}

    def read(text: str) -> Any:
        value = convert.get(kind, str)(text)
        try:
            check_value(name, value)
        except OpenSetError:
            raise ValueError from None
        return value

    allowed = allowed_values(name)
    if kind == "int":
        allowed = allowed.replace("a value", "a whole number")
    return Argument(Kind(allowed, read), "", f"{info.description} Takes {allowed}.")


def _read(argument: Argument, text: str) -> Any:
    if text:
        return argument.kind.read(text)
    if argument.default != "":
        raise ValueError
    return None


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[text.lower()]


def _whole(text: str) -> int:
    value = float(text)
    if not value.is_integer():
        raise ValueError
    return int(value)


def _number_or_word(text: str) -> float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _topic(text: str) -> str:
    if not _TOPIC.fullmatch(text.replace(PLACEHOLDER, "camera")):
        raise ValueError
    return text


def _namespace(text: str) -> str:
    if not _NAMESPACE.fullmatch(text):
        raise ValueError
    return text


def _bag(text: str) -> str:
    if not Path(text).exists():
        raise ValueError
    return text


def _parameter_file(text: str) -> str:
    """Return the path of a file that rcl reads as one of parameters."""
    try:
        content = yaml.safe_load(Path(text).read_text())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise OpenSetError(f"cannot read {text}: {reason}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise OpenSetError(f"{text} is no YAML: {one_line(flat(error))}") from None
    if not _is_parameters(content):
        raise OpenSetError(
            f"{text} is no file of parameters: write them under NODE, {_SECTION}, as "
            "config/openset.yaml of this package does"
        )
    if not _is_for(_NODE, content):
        raise OpenSetError(
            f"{text} has no parameters of the node {_NODE}: write them under {_NODE} or /**"
        )
    return text


def _is_parameters(content: Any) -> bool:
    """Whether each branch of nodes and namespaces ends in a section of parameters."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(
            isinstance(branch, dict) if name == _SECTION else _is_parameters(branch)
            for name, branch in content.items()
        )
    )


def _is_for(node: str, content: dict[str, Any]) -> bool:
    """Whether parameters of a file are for a node of that name, be it in any namespace."""
    return any(
        (_SECTION in branch and str(name).rpartition("/")[2] in (node, "*", "**"))
        or _is_for(node, branch)
        for name, branch in content.items()
        if name != _SECTION
    )


FLAG = Kind("true or false", _flag)
TEXT = Kind("a text", _text)
TOPIC = Kind("the name of a topic, such as /camera/image_raw", _topic)
NAMESPACE = Kind("a namespace such as /robot", _namespace)
CAMERAS = Kind(CAMERA_NAMES, read_cameras)
BAG = Kind("the folder of a bag, or a .mcap or .db3 file, that exists", _bag)
PARAMETER_FILE = Kind("a YAML file of parameters", _parameter_file)
LOG_LEVEL = one_of("debug", "info", "warn", "error", "fatal")
