"""Rendered street scenes in place of a camera. Takes the arguments of camera.launch.py as well."""

from pathlib import Path
from typing import Any

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from ldn_openset_ros.bags.topics import (
    CAMERA_INFO_TOPIC,
    IMAGE_TOPIC,
    LABELS_TOPIC,
    OUTLIER_TOPIC,
)
from ldn_openset_ros.ros.launch_arguments import NAMESPACE, TOPIC, Argument, number, whole
from ldn_openset_ros.ros.launch_files import describe, end_all

PARAMETERS = {
    "width": Argument(whole(64, 4096), "640", "Width of the rendered images in pixels."),
    "height": Argument(whole(64, 4096), "360", "Height of the rendered images in pixels."),
    "rate": Argument(number(0.1, 100), "10.0", "Images a second."),
    "seed": Argument(whole(0, 2**31 - 1), "0", "Seed of the scenes."),
    "frames": Argument(whole(0, 2**31 - 1), "0", "Images until the end, 0 = endless."),
}
# Within the namespace, so that demos in namespaces do not mix.
ARGUMENTS = {
    "namespace": Argument(NAMESPACE, "", "Namespace of the node and the camera."),
    "image": Argument(TOPIC, IMAGE_TOPIC.lstrip("/"), "Topic of the camera's images."),
    "camera_info": Argument(TOPIC, CAMERA_INFO_TOPIC.lstrip("/"), "Topic of its calibration."),
    **PARAMETERS,
}


def start(values: dict[str, Any]) -> list[Node]:
    """Return the camera, whose topics are where the node looks for them."""
    return [
        Node(
            package="ldn_openset_ros",
            executable="sample_camera",
            namespace=values["namespace"] or "",
            parameters=[{name: values[name] for name in PARAMETERS}],
            remappings=[
                (IMAGE_TOPIC, values["image"]),
                (CAMERA_INFO_TOPIC, values["camera_info"]),
                *((topic, topic.lstrip("/")) for topic in (OUTLIER_TOPIC, LABELS_TOPIC)),
            ],
            output="screen",
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    camera = Path(__file__).with_name("camera.launch.py")
    return describe(
        __file__,
        ARGUMENTS,
        start,
        RegisterEventHandler(OnProcessExit(on_exit=end_all)),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(str(camera))),
    )
