"""The node's parameters: names, defaults, ranges and what they mean, in one place. No ROS here."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.calibration import CALIBRATED
from ldn_openset_ros.inference.model_files import DEFAULT_MODEL
from ldn_openset_ros.inference.predictor import BACKENDS, PRECISIONS
from ldn_openset_ros.scores import SCORE_NAMES

TRANSPORTS = ("raw", "compressed")


@dataclass(frozen=True)
class ParameterInfo:
    """What a parameter is for and which values it takes."""

    description: str
    constraints: str = ""
    """For people, where neither choices nor bounds say it."""
    choices: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    words: tuple[str, ...] = ()
    """Words that may stand in place of a number within the bounds."""
    live: bool = False
    """Whether it may change while the node runs; it then acts on the next frame."""


def _parameter(description: str, *, default: Any = MISSING, **info: Any) -> Any:
    """Describe a parameter; without a default it takes the model's own value."""
    return field(default=default, metadata={"info": ParameterInfo(description, **info)})


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """The values of all parameters at one moment."""

    model: str = _parameter(
        "Model to load.",
        default=DEFAULT_MODEL,
        constraints="a model's folder or the name of a shipped model",
    )
    device: str = _parameter(
        "Where the network runs; auto takes a GPU where there is one.",
        default="auto",
        constraints="auto, cpu or cuda:N",
    )
    backend: str = _parameter("What runs the network.", default="auto", choices=BACKENDS)
    precision: str = _parameter(
        "Number format of the network; auto is float32, the 16-bit ones need a GPU.",
        default="auto",
        choices=PRECISIONS,
    )
    resolution: int = _parameter(
        "Shorter side in pixels that frames are resized to for the network; 0 = as they come. "
        "Published maps have the frame's size all the same. Default: the model's own.",
        bounds=(0, 8192),
    )
    fusion: str = _parameter(
        "Outlier score, published and compared with the threshold. Default: the model's own.",
        choices=SCORE_NAMES,
        live=True,
    )
    threshold: float | str = _parameter(
        "Pixels whose published outlier probability reaches it are outliers; calibrated is the "
        "threshold that the model's calibration has for the fusion. Default: the model's own.",
        bounds=(0.0, 1.0),
        words=(CALIBRATED,),
        live=True,
    )
    smoothing: float = _parameter(
        "Sigma in pixels of a Gaussian over the outlier score; 0 = off. Default: the model's own.",
        bounds=(0.0, 20.0),
        live=True,
    )
    image_transport: str = _parameter(
        "What to subscribe to: image, or image/compressed.", default="raw", choices=TRANSPORTS
    )
    overlay_opacity: float = _parameter(
        "Opacity of the class colours in the overlay.",
        default=0.5,
        bounds=(0.0, 1.0),
        live=True,
    )
    allow_multi_pass: bool = _parameter(
        "Also run models that take several passes of the network a frame (ODIN, MC dropout).",
        default=False,
        constraints="true or false",
    )
    max_age: float = _parameter(
        "Frames whose stamp is older than so many seconds are dropped; 0 = never. Frames without "
        "a stamp are kept.",
        default=0.0,
        bounds=(0.0, 3600.0),
        live=True,
    )


PARAMETERS: dict[str, ParameterInfo] = {f.name: f.metadata["info"] for f in fields(NodeSettings)}
DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(NodeSettings) if f.default is not MISSING
}
"""Defaults that do not depend on the model."""

_KINDS = {
    str: "a text, for example '{}'",
    int: "a whole number, for example {}",
    bool: "true or false",
    float: "a floating-point number with a decimal point, for example {}",
}


def allowed_values(name: str) -> str:
    """Return in words which values a parameter takes."""
    info = PARAMETERS[name]
    if info.choices:
        return f"one of {', '.join(info.choices)}"
    if info.bounds:
        numbers = f"a value from {info.bounds[0]:g} to {info.bounds[1]:g}"
        return " or ".join((numbers, *info.words))
    return info.constraints


def wrong_type(name: str, example: Any) -> OpenSetError:
    """Return the error for a value of another type than `example`'s."""
    kind = _KINDS[type(example)].format(example)
    return OpenSetError(f"parameter {name} has a wrong type: give {kind}")


def out_of_range(name: str) -> OpenSetError:
    """Return the error for a value outside a parameter's bounds."""
    return OpenSetError(f"parameter {name} is out of range: give {allowed_values(name)}")


def check_value(name: str, value: Any) -> None:
    """Raise OpenSetError, with the remedy, where a parameter cannot take a value."""
    info = PARAMETERS[name]
    if info.words:
        if value in info.words:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OpenSetError(f"parameter {name} is {value!r}: give {allowed_values(name)}")
    if info.choices and value not in info.choices:
        raise OpenSetError(f"parameter {name} is {value!r}: give {allowed_values(name)}")
    if info.bounds and not info.bounds[0] <= value <= info.bounds[1]:
        raise out_of_range(name)
