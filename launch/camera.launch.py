"""Recognise the images of a camera: the node, its parameters and, if wanted, RViz."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.environment import fast_dds_profile

ARGUMENTS = {
    "image": ("/camera/image_raw", "Topic of the camera's images, without /compressed."),
    "namespace": ("", "Namespace of the node."),
    "params_file": (str(config_file("openset.yaml")), "YAML file with the node's parameters."),
    "log_level": ("info", "debug, info, warn, error or fatal."),
    "rviz": ("false", "Whether to start RViz."),
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
}


def start_node(context: LaunchContext) -> list[Node]:
    """Return the node with the parameters that were given as arguments."""
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (kind, _) in PARAMETERS.items()
        if LaunchConfiguration(name).perform(context)
    }
    return [
        Node(
            package="ldn_openset_ros",
            executable="openset_node",
            name="openset",
            namespace=LaunchConfiguration("namespace"),
            parameters=[LaunchConfiguration("params_file"), given],
            remappings=[("image", LaunchConfiguration("image"))],
            ros_arguments=["--log-level", LaunchConfiguration("log_level")],
            output="screen",
        )
    ]


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
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", str(config_file("openset.rviz"))],
                condition=IfCondition(LaunchConfiguration("rviz")),
            ),
        ]
    )
