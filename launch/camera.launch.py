"""Recognise the images of a camera: the node, its parameters and, if wanted, views of it."""

from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchDescription
from launch.logging import launch_config
from launch_ros.actions import Node

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.camera_names import ONLY_CAMERA, camera_remappings, fill_in
from ldn_openset_ros.ros.launch_arguments import (
    CAMERAS,
    FLAG,
    LOG_LEVEL,
    NAMESPACE,
    PARAMETER_FILE,
    TEXT,
    TOPIC,
    Argument,
    node_parameter,
    whole,
)
from ldn_openset_ros.ros.launch_files import describe
from ldn_openset_ros.ros.parameters import PARAMETERS
from ldn_openset_ros.ros.rviz_config import absolute_name, rviz_config

# Passed on where given; otherwise params_file and then the model decide.
NODE_PARAMETERS = {
    **{name: node_parameter(name) for name in PARAMETERS if name != "cameras"},
    "use_sim_time": Argument(FLAG, "", "Whether time is that of /clock."),
}
ARGUMENTS = {
    "image": Argument(
        TOPIC, "/camera/image_raw", "Topic of the camera's images, without /compressed."
    ),
    "camera_info": Argument(TOPIC, "/camera/camera_info", "Topic of the camera's calibration."),
    "depth": Argument(
        TOPIC, "", "Topic of the registered depth image, for obstacle_source depth."
    ),
    "disparity": Argument(TOPIC, "", "Topic of the disparity, for obstacle_source disparity."),
    "cameras": Argument(
        CAMERAS, "", "Names, where there are several: {camera} stands for them in the topics."
    ),
    "namespace": Argument(NAMESPACE, "", "Namespace of the node."),
    "params_file": Argument(
        PARAMETER_FILE, str(config_file("openset.yaml")), "YAML file with the node's parameters."
    ),
    "log_level": Argument(LOG_LEVEL, "info", f"Takes {LOG_LEVEL.allowed}."),
    "rviz": Argument(FLAG, "false", "Whether to start RViz."),
    "web_view": Argument(FLAG, "false", "Whether to serve a page for browsers."),
    "web_host": Argument(
        TEXT, "127.0.0.1", "Address of that page; 0.0.0.0 opens it to the network, unprotected."
    ),
    "web_port": Argument(
        whole(0, 65535), "8080", "Port of that page, 0 = any free one, which is logged."
    ),
    **NODE_PARAMETERS,
}
TOPICS = ("image", "camera_info", "depth", "disparity")


def start(values: dict[str, Any]) -> list[Node]:
    """Return what was asked for, the node last: what fails before leaves no process behind."""
    cameras = values["cameras"] or ONLY_CAMERA
    given = {name: values[name] for name in NODE_PARAMETERS if values[name] is not None}
    if cameras != ONLY_CAMERA:
        given["cameras"] = list(cameras)
    node = Node(
        package="ldn_openset_ros",
        executable="openset_node",
        name="openset",
        namespace=values["namespace"] or "",
        parameters=[values["params_file"], given],
        remappings=camera_remappings(cameras, {n: values[n] for n in TOPICS if values[n]}),
        ros_arguments=["--log-level", values["log_level"]],
        output="screen",
    )
    return [
        *([rviz(cameras, values["image"], values["namespace"] or "")] if values["rviz"] else []),
        *([web_view(values)] if values["web_view"] else []),
        node,
    ]


def web_view(values: dict[str, Any]) -> Node:
    """Return the page on the node."""
    page = {"node": "openset", "host": values["web_host"], "port": values["web_port"]}
    return Node(
        package="ldn_openset_ros",
        executable="web_view",
        namespace=values["namespace"] or "",
        parameters=[page],
        ros_arguments=["--log-level", values["log_level"]],
        output="screen",
    )


def rviz(cameras: tuple[str, ...], image: str, namespace: str) -> Node:
    """Return RViz with displays of the cameras' images and of the node's outputs."""
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        raise OpenSetError(
            "launch argument rviz is true, but the package rviz2 is not installed: install it, "
            "or give web_view:=true"
        ) from None
    images = {camera: absolute_name(fill_in(image, camera), namespace) for camera in cameras}
    shown = rviz_config(
        config_file("openset.rviz").read_text(), absolute_name("openset", namespace), images
    )
    file = Path(launch_config.get_log_file_path("openset.rviz"))
    file.write_text(shown)
    return Node(package="rviz2", executable="rviz2", arguments=["-d", str(file)])


def generate_launch_description() -> LaunchDescription:
    """Describe the launch; `ros2 launch --show-args` lists the arguments."""
    return describe(__file__, ARGUMENTS, start)
