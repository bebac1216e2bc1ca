"""launch_testing: camera.launch.py with arguments; run by test_launch_files.py."""

from __future__ import annotations

import unittest

import launch_testing
import launch_testing.actions
import launch_testing.asserts
import numpy as np
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    SetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from peer import Peer
from rcl_interfaces.msg import ParameterType
from rclpy.parameter_client import AsyncParameterClient
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.resources import share_directory
from ldn_openset_ros.ros.images import decode_float, decode_map, image_message

HEIGHT, WIDTH = 48, 64


def generate_test_description():
    arguments = {
        "model": LaunchConfiguration("model"),
        "image": "/robot/front/image_raw",
        "namespace": "robot",
        "threshold": "0",  # a whole number must do
        "fusion": "msm",
        "resolution": "32",
        "device": "cpu",
        "allow_multi_pass": "true",
    }
    path = share_directory() / "launch" / "camera.launch.py"
    camera = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(path)), launch_arguments=arguments.items()
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("model"),
            # Seconds that a process has to end after SIGINT: five are few on a busy machine.
            SetLaunchConfiguration("sigterm_timeout", "60"),
            camera,
            launch_testing.actions.ReadyToTest(),
        ]
    )


class TestCamera(unittest.TestCase):
    def test_pixels_and_headers(self, test_args):
        rgb = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        header = Header(frame_id="front_camera")
        header.stamp.sec, header.stamp.nanosec = 1234, 5678
        with Peer() as peer:
            names = ("labels", "outlier_probability", "open_set")
            outputs = [peer.images(f"/robot/openset/{name}") for name in names]
            camera = peer.node.create_publisher(Image, "/robot/front/image_raw", 1)
            peer.spin_until(
                lambda: all(outputs),
                lambda: camera.publish(image_message(Image, rgb, "rgb8", header)),
            )
        predictor = Predictor.load(test_args["model"], device="cpu", resolution=32)
        expected = predictor.decide(predictor.infer(rgb), fusion="msm", threshold=0.0)
        labels, outlier, open_set = (images[0] for images in outputs)
        for image in (labels, outlier, open_set):
            assert image.header == header
            assert (image.height, image.width) == (HEIGHT, WIDTH)
        np.testing.assert_array_equal(decode_map(labels), expected.labels)
        np.testing.assert_array_equal(decode_float(outlier), expected.outlier)
        np.testing.assert_array_equal(decode_map(open_set), expected.open_set)
        assert set(open_set.data) == {predictor.taxonomy.outlier_id}

    def test_parameters(self):
        names = ["threshold", "fusion", "resolution", "smoothing", "device", "allow_multi_pass"]
        with Peer() as peer:
            client = AsyncParameterClient(peer.node, "/robot/openset")
            peer.spin_until(client.services_are_ready)
            future = client.get_parameters(names)
            peer.spin_until(future.done)
        values = dict(zip(names, future.result().values, strict=True))
        assert values["threshold"].type == ParameterType.PARAMETER_INTEGER
        assert values["threshold"].integer_value == 0
        assert values["fusion"].string_value == "msm"
        assert values["resolution"].integer_value == 32
        assert values["smoothing"].double_value == 0.0
        assert values["device"].string_value == "cpu"
        assert values["allow_multi_pass"].bool_value is True

    def test_log(self, proc_output):
        proc_output.assertWaitFor("images from /robot/front/image_raw", timeout=60)


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_exit_codes(self, proc_info):
        assert len(list(proc_info)) == 1
        launch_testing.asserts.assertExitCodes(proc_info)

    def test_no_trace(self, proc_output):
        text = b"".join(output.text for output in proc_output).decode()
        assert "Traceback" not in text
