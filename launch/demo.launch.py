"""Rendered street scenes in place of a camera. Takes the arguments of camera.launch.py as well."""

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
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ldn_openset_ros.ros.environment import fast_dds_profile

ARGUMENTS = {
    "width": ("640", "Width of the rendered images in pixels."),
    "height": ("360", "Height of the rendered images in pixels."),
    "rate": ("10.0", "Images a second."),
    "seed": ("0", "Seed of the scenes."),
    "frames": ("0", "Images until the end, 0 = endless."),
}
KINDS = {"width": int, "height": int, "rate": float, "seed": int, "frames": int}


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    parameters = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in KINDS.items()
    }
    camera = Path(__file__).with_name("camera.launch.py")
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            *(SetEnvironmentVariable(*variable) for variable in fast_dds_profile().items()),
            # Whichever ends first ends all, be it RViz closed by its user.
            RegisterEventHandler(OnProcessExit(on_exit=Shutdown())),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(str(camera))),
            Node(
                package="ldn_openset_ros",
                executable="sample_camera",
                parameters=[parameters],
                output="screen",
            ),
        ]
    )
