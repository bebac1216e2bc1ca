"""Recognise the images of a bag. Takes the arguments of camera.launch.py as well."""

from pathlib import Path
from typing import Any

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from ldn_openset_ros.ros.launch_arguments import BAG, FLAG, Argument, number
from ldn_openset_ros.ros.launch_files import describe, end_all

PARAMETERS = {
    "bag": Argument(BAG, None, "Folder of the bag, with images on the topic `image`."),
    "rate": Argument(number(0.01, 100), "1.0", "Factor of the recorded speed."),
    "loop": Argument(FLAG, "false", "Whether to start again at the end."),
    "clock": Argument(FLAG, "false", "Whether to publish the bag's time on /clock."),
}
ARGUMENTS = {"rviz": Argument(FLAG, "false", "Whether to start RViz."), **PARAMETERS}
WAIT_FOR_NODE = 120.0


def start(values: dict[str, Any]) -> list[Node]:
    """Return the player."""
    parameters = {
        **{name: values[name] for name in PARAMETERS},
        # RViz shows the images too, and is there before the node is.
        "subscribers": 2 if values["rviz"] else 1,
        "wait_for_subscribers": WAIT_FOR_NODE,
    }
    return [
        Node(
            package="ldn_openset_ros",
            executable="player",
            parameters=[parameters],
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
        # Whichever ends first - the bag, the node by an error, RViz by its user - ends all.
        RegisterEventHandler(OnProcessExit(on_exit=end_all)),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(str(camera))),
    )
