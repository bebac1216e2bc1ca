"""Recognise the images of a bag. Takes the arguments of camera.launch.py as well."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    RegisterEventHandler,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import IfElseSubstitution, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ldn_openset_ros.ros.environment import fast_dds_profile

ARGUMENTS = {
    "bag": (None, "Folder of the bag, with images on the topic `image`."),
    "rate": ("1.0", "Factor of the recorded speed."),
    "loop": ("false", "Whether to start again at the end."),
    "clock": ("false", "Whether to publish the bag's time on /clock."),
}
KINDS = {"bag": str, "rate": float, "loop": bool, "clock": bool}
WAIT_FOR_NODE = 120.0


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    parameters = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in KINDS.items()
    }
    # RViz shows the images too, and is there before the node is.
    parameters["subscribers"] = ParameterValue(
        IfElseSubstitution(LaunchConfiguration("rviz"), if_value="2", else_value="1"),
        value_type=int,
    )
    camera = Path(__file__).with_name("camera.launch.py")
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            *(SetEnvironmentVariable(*variable) for variable in fast_dds_profile().items()),
            # Whichever ends first - the bag, the node by an error, RViz by its user - ends all.
            RegisterEventHandler(OnProcessExit(on_exit=Shutdown())),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(str(camera))),
            Node(
                package="ldn_openset_ros",
                executable="player",
                parameters=[{**parameters, "wait_for_subscribers": WAIT_FOR_NODE}],
                output="screen",
            ),
        ]
    )
