"""Node `media_camera`: publish a video, a folder of pictures or a camera device as images."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ldn_openset_ros.bags.topics import IMAGE_TOPIC
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.environment import fast_dds_profile
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.media import open_media
from ldn_openset_ros.ros.qos import output_qos

NODE_NAME = "media_camera"
MAX_RATE = 1000.0
POLL_PERIOD = 1e-3
"""Seconds between reads of a source that keeps its own pace: reading it waits for the frame."""


@dataclass(frozen=True)
class MediaCameraSettings:
    """The node's parameters; all are read once, at the start.

    source: video file, folder of pictures, or camera: "/dev/video0", or "0" for short.
    rate: frames per second, 0 to 1000; 0 = the source's own (10 for pictures).
    loop: start again at the end; otherwise the node ends there.
    frame_id: of the images' headers.
    """

    source: str
    rate: float
    loop: bool
    frame_id: str


class MediaCamera(Node):
    """Publish frames as `rgb8` on `/camera/image_raw`, stamped with the time of publishing."""

    def __init__(self, **node_arguments: Any) -> None:
        """Open the source; raises OpenSetError, with the remedy, where that fails."""
        super().__init__(NODE_NAME, **node_arguments)
        self.finished = Future()
        self.settings = _read_settings(self)
        self._media = open_media(self.settings.source)
        self._images = self.create_publisher(Image, IMAGE_TOPIC, output_qos())
        rate = self.settings.rate or self._media.rate
        self.create_timer(1 / rate if rate else POLL_PERIOD, self._publish_next)
        pace = f"{rate:g} Hz" if rate else "its own pace"
        self.get_logger().info(f"publishing {self.settings.source} on {IMAGE_TOPIC} at {pace}")

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
        self._images.publish(image_message(Image, rgb, "rgb8", header))


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until its source or the process ends; return 0, or 1 where it cannot run."""
    os.environ.update(fast_dds_profile())
    rclpy.init(args=args)
    camera, code = None, 0
    try:
        camera = MediaCamera()
        rclpy.spin_until_future_complete(camera, camera.finished)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except OpenSetError as error:
        rclpy.logging.get_logger(NODE_NAME).fatal(str(error))
        code = 1
    except Exception:
        if rclpy.ok():  # otherwise a signal shut ROS down in the middle of a call
            raise
    finally:
        if camera is not None:
            camera.close()
        rclpy.try_shutdown()
    return code


def _read_settings(node: Node) -> MediaCameraSettings:
    def declare(name: str, default: Any, allowed: str, **descriptor: Any) -> Any:
        describe = ParameterDescriptor(description=allowed, read_only=True, **descriptor)
        try:
            return node.declare_parameter(name, default, describe).value
        except ParameterException:
            raise OpenSetError(f"parameter {name}: give {allowed}") from None

    source = declare("source", "", "a video, a folder of pictures or a camera ('/dev/video0')")
    if not source:
        raise OpenSetError("parameter source is empty: give `-p source:=FILE`")
    hertz = FloatingPointRange(from_value=0.0, to_value=MAX_RATE)
    allowed = f"frames per second, from 0.0 (the source's own) to {MAX_RATE}, as a decimal"
    rate = declare("rate", 0.0, allowed, floating_point_range=[hertz])
    if not 0 <= rate <= MAX_RATE:  # rclpy lets NaN pass
        raise OpenSetError(f"parameter rate: give {allowed}")
    return MediaCameraSettings(
        source=source,
        rate=rate,
        loop=declare("loop", False, "true to start again at the end, or false"),
        frame_id=declare("frame_id", "camera_optical_frame", "the images' frame_id, a text"),
    )


if __name__ == "__main__":
    sys.exit(main())
