"""Node `sample_camera`: a camera that drives through rendered streets, with truth beside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ldn_openset_ros.bags.topics import (
    CAMERA_INFO_TOPIC,
    IMAGE_TOPIC,
    LABELS_TOPIC,
    OUTLIER_TOPIC,
)
from ldn_openset_ros.data.sample import PinholeCamera
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.process import run_node
from ldn_openset_ros.ros.qos import output_qos
from ldn_openset_ros.ros.start_parameters import declare_once, warn_of_unknown
from ldn_openset_ros.scenes.drive import Drive, DriveSettings

NODE_NAME = "sample_camera"
_MANY = 2**31 - 1
_ACKNOWLEDGEMENT = Duration(seconds=5)
"""How long the end waits for subscribers that have not confirmed the last messages."""


@dataclass(frozen=True)
class SampleCameraSettings:
    """The node's parameters; all are read once, at the start.

    width, height: of the frames, 64 to 4096 pixels.
    rate: frames per second, 0.1 to 100; the drive keeps to the same clock.
    seed: of streets, weather and encounters; equal seeds give equal frames.
    frame_id: of all headers.
    frames: how many to publish before the node ends, 0 = endless; start: index of the first.
    """

    width: int
    height: int
    rate: float
    seed: int
    frame_id: str
    frames: int
    start: int


class SampleCamera(Node):
    """Publish image, camera_info, outlier truth and labels with equal headers.

    Truth follows DESIGN's bags: `mono8`, outlier 0 or 1, labels in the `camvid` taxonomy with 255
    on outliers. What nobody subscribes to is not rendered.
    """

    def __init__(self, **node_arguments: Any) -> None:
        super().__init__(NODE_NAME, **node_arguments)
        self.finished = Future()
        self.settings = settings = _read_settings(self)
        warn_of_unknown(self)
        self._drive = Drive(
            DriveSettings(
                width=settings.width,
                height=settings.height,
                seed=settings.seed,
                frame_rate=settings.rate,
            )
        )
        self._next = settings.start
        self._image = self.create_publisher(Image, IMAGE_TOPIC, output_qos())
        self._info = self.create_publisher(CameraInfo, CAMERA_INFO_TOPIC, output_qos())
        self._outlier = self.create_publisher(Image, OUTLIER_TOPIC, output_qos())
        self._labels = self.create_publisher(Image, LABELS_TOPIC, output_qos())
        self.create_timer(1 / settings.rate, self._publish_next)
        self.get_logger().info(
            f"publishing {settings.width}x{settings.height} frames on {IMAGE_TOPIC} at "
            f"{settings.rate:g} Hz, truth on {OUTLIER_TOPIC} and {LABELS_TOPIC}"
        )

    def close(self) -> None:
        """Leave the network."""
        self.destroy_node()

    def wait_for_acknowledgements(self) -> None:
        """Return when reliable subscribers have the last messages, or after some seconds."""
        for publisher in (self._image, self._info, self._outlier, self._labels):
            publisher.wait_for_all_acked(_ACKNOWLEDGEMENT)

    def _publish_next(self) -> None:
        settings = self.settings
        if settings.frames and self._next >= settings.start + settings.frames:
            self.finished.set_result(None)
            return
        index, self._next = self._next, self._next + 1
        images = (self._image, self._outlier, self._labels)
        wanted = [publisher for publisher in images if publisher.get_subscription_count()]
        # The stamp is the moment of exposure: rendering delays the frame as a camera's readout.
        stamp = self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=settings.frame_id)
        self._info.publish(camera_info_message(self._drive.camera, header))
        if not wanted:
            return
        sample = self._drive.frame(index)
        contents = {
            self._image: (sample.rgb, "rgb8"),
            self._outlier: (sample.outlier, "mono8"),
            self._labels: (sample.labels, "mono8"),
        }
        for publisher in wanted:
            pixels, encoding = contents[publisher]
            publisher.publish(image_message(Image, pixels, encoding, header))


def camera_info_message(camera: PinholeCamera, header: Header) -> CameraInfo:
    """Return the calibration of an undistorted camera."""
    k = (camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0)
    p = (camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0)
    return CameraInfo(
        header=header,
        width=camera.width,
        height=camera.height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=k,
        r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        p=p,
    )


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until its last frame or the process ends; return 0, or 1 where it cannot."""

    def work(camera: SampleCamera) -> None:
        rclpy.spin_until_future_complete(camera, camera.finished)
        camera.wait_for_acknowledgements()

    return run_node(NODE_NAME, SampleCamera, work, args)


def _read_settings(node: Node) -> SampleCameraSettings:
    side = (64, 4096)
    return SampleCameraSettings(
        width=declare_once(node, "width", 640, "the frames' width in pixels", side),
        height=declare_once(node, "height", 360, "the frames' height in pixels", side),
        rate=declare_once(node, "rate", 10.0, "frames per second", (0.1, 100.0)),
        seed=declare_once(node, "seed", 0, "the seed of streets and encounters", (0, _MANY)),
        frame_id=declare_once(
            node, "frame_id", "camera_optical_frame", "the headers' frame_id, a text"
        ),
        frames=declare_once(
            node, "frames", 0, "how many frames to publish (0 = endless)", (0, _MANY)
        ),
        start=declare_once(node, "start", 0, "the index of the first frame", (0, _MANY)),
    )


if __name__ == "__main__":
    sys.exit(main())
