"""Node `media_camera`: publish a video, a folder of pictures or a camera device as images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ldn_openset_ros.bags.topics import CAMERA_INFO_TOPIC, IMAGE_TOPIC
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.calibration_file import read_calibration
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.media import open_media
from ldn_openset_ros.ros.process import run_node
from ldn_openset_ros.ros.qos import output_qos
from ldn_openset_ros.ros.start_parameters import declare_once, warn_of_unknown

NODE_NAME = "media_camera"
MAX_RATE = 1000.0
POLL_PERIOD = 1e-3
"""Seconds between reads of a source that keeps its own pace: reading it waits for the frame."""


@dataclass(frozen=True)
class MediaCameraSettings:
    """The node's parameters; all are read once, at the start.

    source: video file, folder of pictures, or camera: "/dev/video0", or 0 for short.
    rate: frames per second, 0 to 1000; 0 = the source's own (10 for pictures).
    loop: start again at the end; otherwise the node ends there.
    frame_id: of the images' headers.
    camera_info_url: calibration to publish beside the images; empty for none.
    """

    source: str
    rate: float
    loop: bool
    frame_id: str
    camera_info_url: str


class MediaCamera(Node):
    """Publish frames as `rgb8` on `/camera/image_raw`, stamped with the time of publishing.

    A calibration is published on `/camera/camera_info` with the header of each frame of its size.
    """

    def __init__(self, **node_arguments: Any) -> None:
        """Open the source; raises OpenSetError, with the remedy, where that fails."""
        super().__init__(NODE_NAME, **node_arguments)
        self.finished = Future()
        self.settings = _read_settings(self)
        warn_of_unknown(self)
        url = self.settings.camera_info_url
        self._calibration = read_calibration(url) if url else None
        self._media = open_media(self.settings.source)
        self._images = self.create_publisher(Image, IMAGE_TOPIC, output_qos())
        if url:
            self._infos = self.create_publisher(CameraInfo, CAMERA_INFO_TOPIC, output_qos())
        rate = self.settings.rate or self._media.rate
        self.create_timer(1 / rate if rate else POLL_PERIOD, self._publish_next)
        pace = f"{rate:g} Hz" if rate else "its own pace"
        info = f"{url} on {CAMERA_INFO_TOPIC}" if url else "no camera_info: give camera_info_url"
        self.get_logger().info(
            f"publishing {self.settings.source} on {IMAGE_TOPIC} at {pace}, {info}"
        )

    def close(self) -> None:
        """Let go of the source and leave the network."""
        self._media.close()
        self.destroy_node()

    def _publish_next(self) -> None:
        rgb = self._media.read()
        if rgb is None and self.settings.loop:
            self._media.rewind()
            rgb = self._media.read()
            if rgb is None:
                raise OpenSetError(f"{self.settings.source} holds no frame: give another file")
        if rgb is None:
            self.finished.set_result(None)
            return
        stamp = self.get_clock().now().to_msg()
        header = Header(stamp=stamp, frame_id=self.settings.frame_id)
        self._publish_info(header, rgb.shape[1], rgb.shape[0])
        self._images.publish(image_message(Image, rgb, "rgb8", header))

    def _publish_info(self, header: Header, width: int, height: int) -> None:
        fields = self._calibration
        if fields is None:
            return
        if (fields["width"], fields["height"]) == (width, height):
            self._infos.publish(CameraInfo(header=header, **fields))
            return
        self.get_logger().warning(
            f"no camera_info for frames of {width}x{height}: {self.settings.camera_info_url} is "
            f"of {fields['width']}x{fields['height']}: calibrate at the size that is published",
            once=True,
        )


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until its source or the process ends; return 0, or 1 where it cannot run."""

    def work(camera: MediaCamera) -> None:
        rclpy.spin_until_future_complete(camera, camera.finished)

    return run_node(NODE_NAME, MediaCamera, work, args)


def _read_settings(node: Node) -> MediaCameraSettings:
    source = declare_once(
        node, "source", "", "a video, a folder of pictures or a camera ('/dev/video0')"
    )
    if not source:
        raise OpenSetError("parameter source is empty: give `-p source:=FILE`")
    return MediaCameraSettings(
        source=source,
        rate=declare_once(
            node, "rate", 0.0, "frames per second (0.0 = the source's own)", (0.0, MAX_RATE)
        ),
        loop=declare_once(node, "loop", False, "true to start again at the end, or false"),
        frame_id=declare_once(
            node, "frame_id", "camera_optical_frame", "the images' frame_id, a text"
        ),
        camera_info_url=declare_once(
            node, "camera_info_url", "", "a calibration: 'file:///PATH' of a YAML file, or nothing"
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
