"""Recognise the images of several cameras by one node, with one model.

Takes the arguments of camera.launch.py, of which `image` and `camera_info` are patterns.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

ARGUMENTS = {
    "cameras": (None, "Names of the cameras, separated by blanks or commas."),
    "image": ("/{camera}/image_raw", "Topics of the images; {camera} stands for the name."),
    "camera_info": ("/{camera}/camera_info", "Topics of the calibrations, likewise."),
}


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    camera = Path(__file__).with_name("camera.launch.py")
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(str(camera))),
        ]
    )
