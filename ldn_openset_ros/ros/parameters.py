"""The node's parameters: names, defaults, ranges and what they mean, in one place. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from ldn_openset_ros.errors import OpenSetError, one_line
from ldn_openset_ros.inference.backends.names import BACKENDS, PRECISIONS
from ldn_openset_ros.inference.calibration import CALIBRATED
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.ros.camera_names import CAMERA_NAMES, ONLY_CAMERA, check_cameras
from ldn_openset_ros.score_names import SCORE_NAMES

TRANSPORTS = ("raw", "compressed")
OBSTACLE_SOURCES = ("ground", "depth", "disparity")


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
    backend: str = _parameter(
        "What runs the network; auto is the fastest exact one that is installed.",
        default="auto",
        choices=BACKENDS,
    )
    precision: str = _parameter(
        "Number format of the network; auto is float32. float16 needs a GPU, bfloat16 a GPU or "
        "openvino, int8 openvino and a quantised model.",
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
    temporal_smoothing: float = _parameter(
        "Share of the frames before in the outlier probability; 0 = off. It calms flicker, and "
        "lets objects appear and vanish later.",
        default=0.0,
        bounds=(0.0, 0.95),
        live=True,
    )
    cameras: tuple[str, ...] = _parameter(
        "Names of the cameras that share the model: NAME/image in, ~/NAME/labels and so on out. A "
        "single empty name: image in, ~/labels out.",
        default=ONLY_CAMERA,
        constraints=CAMERA_NAMES,
    )
    max_batch: int = _parameter(
        "Frames of different cameras and equal size that go through the network at once.",
        default=1,
        bounds=(1, 64),
    )
    image_transport: str = _parameter(
        "What to subscribe to: image, or image/compressed.", default="raw", choices=TRANSPORTS
    )
    output_scale: float = _parameter(
        "Size of the published maps, as a share of the image's.",
        default=1.0,
        bounds=(0.05, 1.0),
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
    autostart: bool = _parameter(
        "Configure and activate right after the start. Where that fails the process ends, for a "
        "supervisor to see; with false a failed configure can be repeated.",
        default=True,
        constraints="true or false",
    )
    min_region_pixels: int = _parameter(
        "Outlier regions of fewer pixels are no objects.",
        default=50,
        bounds=(1, 100_000),
        live=True,
    )
    min_hits: int = _parameter(
        "Consecutive frames that show an outlier region before it is an object.",
        default=3,
        bounds=(1, 1000),
    )
    mount_height: float = _parameter(
        "Height of the camera above the ground in metres, for objects on flat ground; 0 = "
        "unknown.",
        default=0.0,
        bounds=(0.0, 100.0),
    )
    mount_pitch: float = _parameter(
        "Pitch of the camera in radians, positive where it looks down.",
        default=0.0,
        bounds=(-1.5, 1.5),
    )
    obstacle_source: str = _parameter(
        "What tells how far obstacles are: flat ground, a registered depth image on `depth`, or "
        "a stereo_msgs/DisparityImage on `disparity`.",
        default="ground",
        choices=OBSTACLE_SOURCES,
    )
    obstacle_frame: str = _parameter(
        "Frame of ~/obstacles: empty for the camera's own, or the name of the frame on the ground "
        "below it, such as base_link, which takes mount_height and mount_pitch.",
        default="",
        constraints="empty, or a frame such as base_link",
    )
    obstacle_max_range: float = _parameter(
        "Obstacles farther than so many metres are left out.",
        default=50.0,
        bounds=(1.0, 1000.0),
        live=True,
    )
    obstacle_stride: int = _parameter(
        "Every so-manieth column and row of an outlier region gives an obstacle point.",
        default=4,
        bounds=(1, 256),
        live=True,
    )

    def __post_init__(self) -> None:
        # ROS hands lists.
        object.__setattr__(self, "cameras", tuple(self.cameras))


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
    tuple: "a list of texts, for example ['front', 'rear']",
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


def own_thresholds(model: str) -> dict[str, float]:
    """Return by score the thresholds that a model has; none where it cannot be read."""
    # Here as below, for it brings torch, and launch files, which read the rest, need none.
    from ldn_openset_ros.inference.model_files import (
        find_model,
        known_thresholds,
        read_description,
    )

    try:
        return known_thresholds(read_description(find_model(model)))
    except OpenSetError:
        return {}


def own_values(model: str) -> dict[str, Any]:
    """Return the parameters that belong to a model, as it has them.

    Where it cannot be read, those of no model: configure will say what is wrong with it.
    """
    from ldn_openset_ros.inference.model_files import (
        DecisionSettings,
        find_model,
        read_description,
    )

    try:
        own = read_description(find_model(model)).decision
    except OpenSetError:
        own = DecisionSettings()
    return {name: value for name, value in asdict(own).items() if name in PARAMETERS}


def check_frozen(settings: NodeSettings, new: Mapping[str, Any]) -> None:
    """Raise OpenSetError for a new value of a parameter that is read by configure."""
    for name, value in new.items():
        old = getattr(settings, name)
        if not PARAMETERS[name].live and (tuple(value) if name == "cameras" else value) != old:
            raise OpenSetError(
                f"parameter {name} is read when the node is configured: clean the node up first"
            )


def check_value(name: str, value: Any) -> None:
    """Raise OpenSetError, with the remedy, where a parameter cannot take a value."""
    info = PARAMETERS[name]
    if value in info.words:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (info.choices and value not in info.choices) or (info.bounds and not is_number):
        given = one_line(repr(value))
        raise OpenSetError(f"parameter {name} is {given}: give {allowed_values(name)}")
    if name == "cameras":
        check_cameras(value)
    if info.bounds and not info.bounds[0] <= value <= info.bounds[1]:
        raise out_of_range(name)
