"""Recognise the images of a camera: the node, its parameters and, if wanted, views of it."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.logging import launch_config
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.camera_names import (
    ONLY_CAMERA,
    camera_remappings,
    fill_in,
    read_cameras,
)
from ldn_openset_ros.ros.environment import fast_dds_profile
from ldn_openset_ros.ros.rviz_config import absolute_name, rviz_config

ARGUMENTS = {
    "image": ("/camera/image_raw", "Topic of the camera's images, without /compressed."),
    "camera_info": ("/camera/camera_info", "Topic of the camera's calibration."),
    "depth": ("", "Topic of the registered depth image, for obstacle_source depth."),
    "disparity": ("", "Topic of the disparity, for obstacle_source disparity."),
    "cameras": ("", "Names, where there are several: {camera} stands for them in the topics."),
    "namespace": ("", "Namespace of the node."),
    "params_file": (str(config_file("openset.yaml")), "YAML file with the node's parameters."),
    "log_level": ("info", "debug, info, warn, error or fatal."),
    "rviz": ("false", "Whether to start RViz."),
    "web_view": ("false", "Whether to serve a page for browsers on this machine."),
    "web_port": ("8080", "Port of that page, 0 = any free one."),
}

# Passed on where given; otherwise params_file and then the model decide.
PARAMETERS = {
    "model": (str, "A model's folder or the name of a shipped model."),
    "device": (str, "auto, cpu or cuda:N."),
    "image_transport": (str, "raw or compressed."),
    "resolution": (int, "Shorter side in pixels for the network, 0 = as images come."),
    "fusion": (str, "Outlier score: op, msm, op_x_msm, ..."),
    # By the rules of YAML: a number or a word.
    "threshold": (None, "Outlier threshold: 0 to 1, or calibrated."),
    "allow_multi_pass": (bool, "Whether to run models of several network passes a frame."),
    "max_batch": (int, "Frames of different cameras that go through the network at once."),
    "mount_height": (float, "Height of the camera above the ground in metres."),
    "mount_pitch": (float, "Pitch of the camera in radians, positive where it looks down."),
    "use_sim_time": (bool, "Whether time is that of /clock."),
}
TOPICS = ("image", "camera_info", "depth", "disparity")


def start_node(context: LaunchContext) -> list[Node]:
    """Return the node with the parameters that were given as arguments."""
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (kind, _) in PARAMETERS.items()
        if LaunchConfiguration(name).perform(context)
    }
    cameras = read_cameras(LaunchConfiguration("cameras").perform(context))
    if cameras != ONLY_CAMERA:
        given["cameras"] = list(cameras)
    patterns = {name: LaunchConfiguration(name).perform(context) for name in TOPICS}
    patterns = {name: pattern for name, pattern in patterns.items() if pattern}
    return [
        Node(
            package="ldn_openset_ros",
            executable="openset_node",
            name="openset",
            namespace=LaunchConfiguration("namespace"),
            parameters=[LaunchConfiguration("params_file"), given],
            remappings=camera_remappings(cameras, patterns),
            ros_arguments=["--log-level", LaunchConfiguration("log_level")],
            output="screen",
        )
    ]


def start_rviz(context: LaunchContext) -> list[Node]:
    """Return RViz with displays of the cameras' images and of the node's outputs."""
    cameras, image, namespace = (
        LaunchConfiguration(name).perform(context) for name in ("cameras", "image", "namespace")
    )
    images = {
        camera: absolute_name(fill_in(image, camera), namespace)
        for camera in read_cameras(cameras)
    }
    shown = rviz_config(
        config_file("openset.rviz").read_text(), absolute_name("openset", namespace), images
    )
    file = Path(launch_config.get_log_file_path("openset.rviz"))
    file.write_text(shown)
    return [Node(package="rviz2", executable="rviz2", arguments=["-d", str(file)])]


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            *(
                DeclareLaunchArgument(name, default_value="", description=text)
                for name, (_, text) in PARAMETERS.items()
            ),
            *(SetEnvironmentVariable(*variable) for variable in fast_dds_profile().items()),
            OpaqueFunction(function=start_node),
            OpaqueFunction(
                function=start_rviz, condition=IfCondition(LaunchConfiguration("rviz"))
            ),
            Node(
                package="ldn_openset_ros",
                executable="web_view",
                namespace=LaunchConfiguration("namespace"),
                parameters=[
                    {
                        "node": "openset",
                        "port": ParameterValue(LaunchConfiguration("web_port"), value_type=int),
                    }
                ],
                ros_arguments=["--log-level", LaunchConfiguration("log_level")],
                output="screen",
                condition=IfCondition(LaunchConfiguration("web_view")),
            ),
        ]
    )
