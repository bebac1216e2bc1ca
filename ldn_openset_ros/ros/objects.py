"""Outlier objects of a camera: tracked regions as markers and detections, and obstacle points."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_info import (
    CameraModel,
    camera_model,
    scaled_camera_info,
    shows_rectified,
)
from ldn_openset_ros.ros.camera_mount import CameraMount
from ldn_openset_ros.ros.disparity import depth_from_disparity
from ldn_openset_ros.ros.images import decode_depth
from ldn_openset_ros.ros.obstacles import (
    LiftSettings,
    ObstaclePoints,
    lift_by_depth,
    lift_by_ground,
)
from ldn_openset_ros.ros.parameters import NodeSettings
from ldn_openset_ros.ros.point_cloud import point_cloud
from ldn_openset_ros.ros.qos import output_qos, sensor_qos
from ldn_openset_ros.ros.rays import pixel_rays
from ldn_openset_ros.ros.region_map import region_map
from ldn_openset_ros.ros.region_messages import Position, RegionMarkers, detection_array
from ldn_openset_ros.ros.region_tracker import RegionTracker, TrackedRegion
from ldn_openset_ros.ros.regions import find_regions
from ldn_openset_ros.ros.stamped import StampedMessages, nanoseconds
from ldn_openset_ros.ros.topics import Topics

try:
    import vision_msgs.msg as vision_msgs
except ImportError:
    vision_msgs = None

try:
    from stereo_msgs.msg import DisparityImage
except ImportError:
    DisparityImage = None

NEEDED = ("open_set", "outlier_probability")
"""The maps that objects are found in."""

UNKNOWN_DISTANCE = 10.0
"""Metres at which a region is shown whose distance is not known."""


class OutlierObjects:
    """The topics of outlier objects and what they need; its callbacks only keep messages.

    Subscribes to `camera_info`, and to `depth` or `disparity` where obstacles come from there.
    Publishes `~/markers`, `~/obstacles`, `~/camera_info`, and `~/detections` where vision_msgs is
    installed.
    """

    def __init__(
        self, topics: Topics, settings: NodeSettings, image_topic: str, prefix: str = ""
    ) -> None:
        """Create the topics; raises OpenSetError for settings that do not go together.

        prefix: of the topics' names, "front/" or empty.
        """
        check_settings(settings)
        self._rectified = shows_rectified(image_topic)
        self._tracker = RegionTracker(min_hits=settings.min_hits)
        self._regions = RegionMarkers()
        self._info: CameraInfo | None = None
        self._depth = StampedMessages()
        self._distances: dict[int, float] = {}
        self._markers = topics.publisher(MarkerArray, f"~/{prefix}markers", output_qos())
        self._obstacles = topics.publisher(PointCloud2, f"~/{prefix}obstacles", output_qos())
        self._camera_info = topics.publisher(CameraInfo, f"~/{prefix}camera_info", output_qos())
        self._detections = None
        if vision_msgs is not None:
            kind = vision_msgs.Detection2DArray
            self._detections = topics.publisher(kind, f"~/{prefix}detections", output_qos())
        self._topics = topics
        self._info_subscription: Subscription | None = topics.subscription(
            CameraInfo, f"{prefix}camera_info", self._keep_info, sensor_qos()
        )
        if settings.obstacle_source == "depth":
            topics.subscription(Image, f"{prefix}depth", self._depth.add, sensor_qos())
        elif settings.obstacle_source == "disparity":
            topic = f"{prefix}disparity"
            topics.subscription(DisparityImage, topic, self._depth.add, sensor_qos())

    @property
    def are_wanted(self) -> bool:
        """Whether anybody subscribes to objects."""
        publishers = (self._markers, self._obstacles, self._detections)
        return any(p is not None and p.get_subscription_count() for p in publishers)

    @property
    def camera_info_is_wanted(self) -> bool:
        """Whether anybody subscribes to `~/camera_info` and there is one."""
        return self._info is not None and bool(self._camera_info.get_subscription_count())

    def look_for_latched_info(self) -> None:
        """Hear a camera_info that was published once, before the node came."""
        if self._info_subscription and self._topics.hear_latched(self._info_subscription):
            self._info_subscription = None

    def publish_camera_info(
        self, header: Header, image_size: tuple[int, int], size: tuple[int, int]
    ) -> None:
        """Pass the camera's calibration on with the header of a frame, for its outputs.

        image_size, size: (height, width) of the frame and of its outputs. Where they are equal it
        is passed on as it is; what does not describe the frame cannot be scaled and is left out.
        """
        if self.camera_info_is_wanted:
            with contextlib.suppress(OpenSetError):
                info = copy.copy(self._scaled_info(image_size, size))
                info.header = header
                self._camera_info.publish(info)

    def publish(
        self,
        header: Header,
        image_size: tuple[int, int],
        outlying: np.ndarray,
        probability: np.ndarray,
        settings: NodeSettings,
    ) -> None:
        """Find, track and publish the objects of a frame.

        image_size: (height, width) of the frame. outlying: bool (H, W); probability: float32
        (H, W). Raises OpenSetError where calibration or depth cannot be used; detections, which
        need neither, are out by then.
        """
        stamp_ns = nanoseconds(header.stamp)
        regions = find_regions(outlying, probability, settings.min_region_pixels)
        tracked = self._tracker.update(regions, stamp_ns, outlying.shape)
        if self._detections is not None and self._detections.get_subscription_count():
            self._detections.publish(detection_array(vision_msgs, tracked, header))
        spatial = (self._markers, self._obstacles)
        if not any(publisher.get_subscription_count() for publisher in spatial):
            return
        camera = self._camera(image_size, outlying.shape)
        points = self._lift(stamp_ns, image_size, outlying, probability, tracked, camera, settings)
        if self._markers.get_subscription_count():
            self._distances = region_distances(tracked, points, self._distances)
            positions = marker_positions(tracked, self._distances, camera)
            focal_lengths = (camera.fx, camera.fy)
            lifetime = self._tracker.patience
            self._markers.publish(
                self._regions.update(tracked, header, positions, focal_lengths, lifetime)
            )
        self._publish_obstacles(header, points, settings)

    def _keep_info(self, message: CameraInfo) -> None:
        self._info = message

    def _camera(self, image_size: tuple[int, int], size: tuple[int, int]) -> CameraModel:
        """Return the model of the camera in the pixels of the maps."""
        if self._info is None:
            raise OpenSetError(
                "markers and obstacles need camera_info, and none came: remap camera_info to the "
                "topic beside the image's"
            )
        return camera_model(self._scaled_info(image_size, size), *size[::-1], self._rectified)

    def _scaled_info(self, image_size: tuple[int, int], size: tuple[int, int]) -> CameraInfo:
        """Return the calibration for maps of `size`; raises OpenSetError for another image's."""
        if size == image_size:
            return self._info
        camera_model(self._info, *image_size[::-1], self._rectified)
        return scaled_camera_info(self._info, *size[::-1])

    def _lift(
        self,
        stamp_ns: int,
        image_size: tuple[int, int],
        outlying: np.ndarray,
        probability: np.ndarray,
        tracked: Sequence[TrackedRegion],
        camera: CameraModel,
        settings: NodeSettings,
    ) -> ObstaclePoints | None:
        """Return the points of the tracked regions; None where nothing tells their distance."""
        lift = LiftSettings(settings.obstacle_stride, max_range=settings.obstacle_max_range)
        mount = mount_of(settings)
        if settings.obstacle_source == "ground":
            if mount is None:
                return None
            ids = region_map(outlying, tracked)
            return lift_by_ground(ids, probability, camera, mount, lift)
        message = self._depth.nearest(stamp_ns)
        if message is None:
            raise OpenSetError(
                f"no {settings.obstacle_source} of the frame's stamp came: check its topic, and "
                "that it is stamped like the image"
            )
        by_depth = settings.obstacle_source == "depth"
        depth = decode_depth(message) if by_depth else depth_from_disparity(message)
        if depth.shape == image_size:
            # The nearest pixel's: a mean over an edge would be the distance of nothing.
            depth = cv2.resize(depth, outlying.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        return lift_by_depth(region_map(outlying, tracked), probability, depth, camera, lift)

    def _publish_obstacles(
        self, header: Header, found: ObstaclePoints | None, settings: NodeSettings
    ) -> None:
        if not self._obstacles.get_subscription_count():
            return
        if found is None:
            raise OpenSetError(
                "obstacles from the ground need the parameter mount_height: give the metres of "
                "the camera above the ground, or set obstacle_source"
            )
        points = found.points
        if settings.obstacle_frame:
            points = mount_of(settings).to_base_link(points)
            header = Header(stamp=header.stamp, frame_id=settings.obstacle_frame)
        self._obstacles.publish(point_cloud(points, found.probability, found.regions, header))


def check_settings(settings: NodeSettings) -> None:
    """Raise OpenSetError for settings of objects that do not go together."""
    if settings.obstacle_frame and mount_of(settings) is None:
        raise OpenSetError(
            "parameter obstacle_frame needs mount_height: give the metres of the camera above the "
            "ground, or leave obstacle_frame empty for the camera's frame"
        )
    if settings.obstacle_frame and len(settings.cameras) > 1:
        raise OpenSetError(
            "parameter obstacle_frame needs a single camera, for mount_height and mount_pitch are "
            "of one that looks ahead: leave it empty, or start a node for each camera"
        )
    if settings.obstacle_source == "disparity" and DisparityImage is None:
        raise OpenSetError(
            "parameter obstacle_source is disparity, and stereo_msgs is not installed: install "
            "it, or use depth"
        )


def mount_of(settings: NodeSettings) -> CameraMount | None:
    """Return where the camera sits; None where that is not known."""
    if not settings.mount_height:
        return None
    return CameraMount(settings.mount_height, settings.mount_pitch)


def region_distances(
    tracked: Sequence[TrackedRegion], found: ObstaclePoints | None, before: Mapping[int, float]
) -> dict[int, float]:
    """Return how far regions are along the optical axis, metres, by id; some may be missing.

    It is the median of the region's points; of a region without points in this frame, what it was
    before. found: None where nothing tells distances, and then all are at UNKNOWN_DISTANCE.
    """
    if found is None:
        return {seen.id: UNKNOWN_DISTANCE for seen in tracked}
    distances = {seen.id: before[seen.id] for seen in tracked if seen.id in before}
    for seen in tracked:
        own = found.points[found.regions == seen.id]
        if len(own):
            distances[seen.id] = float(np.median(own[:, 2]))
    return distances


def marker_positions(
    tracked: Sequence[TrackedRegion], distances: Mapping[int, float], camera: CameraModel
) -> list[Position | None]:
    """Return where the middle of each region's lower edge lies, metres in the optical frame.

    None where the region has no distance.
    """
    feet = np.array([seen.region.bottom_centre for seen in tracked], np.float64).reshape(-1, 2)
    positions: list[Position | None] = []
    for seen, ray in zip(tracked, pixel_rays(camera, feet[:, 0], feet[:, 1]), strict=True):
        position = ray * (distances.get(seen.id, np.nan) / ray[2])
        known = np.isfinite(position).all()
        positions.append(tuple(float(v) for v in position) if known else None)
    return positions
