"""Recognise the images of several cameras by one node, with one model.

Takes the arguments of camera.launch.py, of which `image` and `camera_info` are patterns.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from ldn_openset_ros.ros.launch_arguments import CAMERAS, TOPIC, Argument
from ldn_openset_ros.ros.launch_files import describe

ARGUMENTS = {
    "cameras": Argument(CAMERAS, None, "Names of the cameras, separated by blanks or commas."),
    "image": Argument(
        TOPIC, "/{camera}/image_raw", "Topics of the images; {camera} stands for the name."
    ),
    "camera_info": Argument(
        TOPIC, "/{camera}/camera_info", "Topics of the calibrations, likewise."
    ),
}


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    camera = Path(__file__).with_name("camera.launch.py")
    include = IncludeLaunchDescription(PythonLaunchDescriptionSource(str(camera)))
    return describe(__file__, ARGUMENTS, lambda values: [], include)
