"""How the node is started, and what others on the network must then see.

One table for test/launch, which starts by launch files, and test/integration, which starts the
process by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Watched:
    """A camera: where its images and calibration come from, and where its outputs must appear."""

    name: str
    """As in the diagnostics."""
    image: str
    camera_info: str
    outputs: str


@dataclass(frozen=True)
class Scenario:
    """A start of the node, by a launch file or by hand, and what it leads to."""

    launch_file: str
    arguments: Mapping[str, str]
    options: tuple[str, ...]
    """ROS arguments of the process that mean the same as launch file and arguments."""
    node: str
    cameras: tuple[Watched, ...]
    parameters: Mapping[str, Any]
    """What parameters of the node must be, types included."""
    file: str = ""
    """Content of a params file; empty for that of the launch file."""
    managed: bool = False
    """Whether others configure and activate the node."""
    decision: Mapping[str, Any] = field(default_factory=dict)
    """Resolution, fusion and threshold where they are not the model's own."""

    def launch_arguments(self, model: Path, folder: Path) -> dict[str, str]:
        """Return all arguments of the launch file; the params file is written to `folder`."""
        file = {"params_file": str(self._write(folder))} if self.file else {}
        return {**self.arguments, **file, "model": str(model), "device": "cpu"}

    def process_arguments(self, model: Path, folder: Path) -> list[str]:
        """Return all ROS arguments of the process; the params file is written to `folder`."""
        file = ["--params-file", str(self._write(folder))] if self.file else []
        return [*file, *self.options, "-p", f"model:={model}", "-p", "device:=cpu"]

    def _write(self, folder: Path) -> Path:
        path = folder / "parameters.yaml"
        path.write_text(self.file)
        return path


SCENARIOS = {
    "one_camera": Scenario(
        launch_file="camera.launch.py",
        arguments={
            "image": "/robot/front/image_raw",
            "camera_info": "/robot/front/camera_info",
            "namespace": "robot",
            "threshold": "0",  # a whole number must do
            "fusion": "msm",
            "resolution": "32",
            "mount_height": "2",
            "mount_pitch": "0.1",
            "allow_multi_pass": "true",
            "backend": "torch",
            "obstacle_source": "ground",
            "obstacle_frame": "base_link",
        },
        options=(
            *("-r", "__ns:=/robot"),
            *("-r", "image:=/robot/front/image_raw"),
            *("-r", "camera_info:=/robot/front/camera_info"),
            *("-p", "threshold:=0"),
            *("-p", "fusion:=msm"),
            *("-p", "resolution:=32"),
            *("-p", "mount_height:=2.0"),
            *("-p", "mount_pitch:=0.1"),
            *("-p", "allow_multi_pass:=true"),
            *("-p", "backend:=torch"),
            *("-p", "obstacle_source:=ground"),
            *("-p", "obstacle_frame:=base_link"),
        ),
        node="/robot/openset",
        cameras=(
            Watched(
                "recognition",
                "/robot/front/image_raw",
                "/robot/front/camera_info",
                "/robot/openset",
            ),
        ),
        parameters={
            "threshold": 0,
            "fusion": "msm",
            "resolution": 32,
            "mount_height": 2.0,
            "mount_pitch": 0.1,
            "smoothing": 0.0,
            "device": "cpu",
            "allow_multi_pass": True,
            "backend": "torch",
            "obstacle_source": "ground",
            "obstacle_frame": "base_link",
            "cameras": [""],
        },
        decision={"threshold": 0.0, "fusion": "msm", "resolution": 32},
    ),
    "several_cameras": Scenario(
        launch_file="multi_camera.launch.py",
        arguments={"cameras": "front, rear", "max_batch": "2"},
        options=(
            *("-p", "cameras:=[front, rear]"),
            *("-p", "max_batch:=2"),
            *("-r", "front/image:=/front/image_raw"),
            *("-r", "rear/image:=/rear/image_raw"),
            # Without remapping the calibrations are on /front/camera_info and /rear/camera_info.
        ),
        node="/openset",
        cameras=(
            Watched("front", "/front/image_raw", "/front/camera_info", "/openset/front"),
            Watched("rear", "/rear/image_raw", "/rear/camera_info", "/openset/rear"),
        ),
        parameters={"cameras": ["front", "rear"], "max_batch": 2, "threshold": 0.5},
    ),
    "cameras_by_a_pattern": Scenario(
        launch_file="multi_camera.launch.py",
        arguments={
            "cameras": "left right",
            "image": "rig/{camera}/rgb",  # within the namespace
            "camera_info": "/calibration/{camera}",
            "namespace": "robot",
            "resolution": "32",
        },
        options=(
            *("-r", "__ns:=/robot"),
            *("-p", "cameras:=[left, right]"),
            *("-p", "resolution:=32"),
            *("-r", "left/image:=rig/left/rgb"),
            *("-r", "right/image:=rig/right/rgb"),
            *("-r", "left/camera_info:=/calibration/left"),
            *("-r", "right/camera_info:=/calibration/right"),
        ),
        node="/robot/openset",
        cameras=(
            Watched("left", "/robot/rig/left/rgb", "/calibration/left", "/robot/openset/left"),
            Watched("right", "/robot/rig/right/rgb", "/calibration/right", "/robot/openset/right"),
        ),
        parameters={"cameras": ["left", "right"], "max_batch": 1, "resolution": 32},
        decision={"resolution": 32},
    ),
    "managed": Scenario(
        launch_file="camera.launch.py",
        arguments={"autostart": "false"},
        options=(
            *("-r", "image:=/camera/image_raw"),
            *("-r", "camera_info:=/camera/camera_info"),
            *("-p", "autostart:=false"),
        ),
        node="/openset",
        cameras=(Watched("recognition", "/camera/image_raw", "/camera/camera_info", "/openset"),),
        parameters={"autostart": False, "min_hits": 7},
        file="/**/openset:\n  ros__parameters:\n    min_hits: 7\n",
        managed=True,
    ),
}
