"""Tracked outlier regions as markers for RViz and as detections of vision_msgs."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from ldn_openset_ros.ros.continuity import MAX_GAP
from ldn_openset_ros.ros.region_tracker import TrackedRegion
from ldn_openset_ros.taxonomy import OUTLIER_COLOUR

BOX_NAMESPACE = "outlier"
LABEL_NAMESPACE = "outlier_label"
"""A marker's namespace and id are its key, so boxes and labels cannot share both."""

CLASS_ID = "outlier"
"""Class of every detection."""

MISSED_OPACITY = 0.4
"""Of regions that the frame does not show though they are still followed."""

LINE_WIDTH = 0.004
TEXT_HEIGHT = 0.03
"""Metres per metre of distance, so that near and far ones look alike through the camera."""

Position = tuple[float, float, float]


class RegionMarkers:
    """Make the markers of a camera's frames; they are deleted once their region is gone."""

    def __init__(self) -> None:
        self._shown: set[int] = set()

    def update(
        self,
        tracked: Sequence[TrackedRegion],
        header: Header,
        points: Sequence[Position | None],
        focal_lengths: tuple[float, float],
        lifetime: float = MAX_GAP,
    ) -> MarkerArray:
        """Return what `marker_array` does, with deletions of what an earlier frame showed."""
        shown = {t.id for t, point in zip(tracked, points, strict=True) if point is not None}
        gone = sorted(self._shown - shown)
        self._shown = shown
        return marker_array(tracked, header, points, focal_lengths, gone, lifetime)


def marker_array(
    tracked: Sequence[TrackedRegion],
    header: Header,
    points: Sequence[Position | None],
    focal_lengths: tuple[float, float],
    gone: Sequence[int] = (),
    lifetime: float = MAX_GAP,
) -> MarkerArray:
    """Return an outline and a label of every region that has a point, both with the track's id.

    header: the image's, taken over as it is; its frame is the camera's optical one (x right, y
    down, z forward). points: for each region where the middle of its lower edge
    (`Region.bottom_centre`) lies, in metres in that frame, z above 0; None where it is not known.
    focal_lengths: (fx, fy) in pixels of the rectified image. gone: ids whose markers are deleted.

    The outline is parallel to the image at the point's depth, where it covers just the region's
    box when seen through the camera. Markers vanish by themselves after `lifetime` seconds.
    """
    markers = []
    for region, point in zip(tracked, points, strict=True):
        if point is not None:
            corners = _corners(region, point, focal_lengths)
            markers += [_outline(region, header, corners), _label(region, header, corners)]
    seconds, fraction = divmod(lifetime, 1)
    for marker in markers:
        marker.lifetime = Duration(sec=int(seconds), nanosec=round(fraction * 1e9))
    for namespace in (BOX_NAMESPACE, LABEL_NAMESPACE):
        markers += [
            Marker(header=header, ns=namespace, id=number, action=Marker.DELETE) for number in gone
        ]
    return MarkerArray(markers=markers)


def detection_array(messages: ModuleType, tracked: Sequence[TrackedRegion], header: Header) -> Any:
    """Return a vision_msgs/Detection2DArray of the regions that this frame shows.

    messages: the module `vision_msgs.msg` (4.x), which not every machine has. Boxes are in pixels
    from the image's upper left corner; `id` is the track's, the score the region's mean outlier
    probability.
    """
    result = messages.Detection2DArray(header=header)
    for seen in tracked:
        if seen.misses:
            continue
        region = seen.region
        detection = messages.Detection2D(header=header, id=str(seen.id))
        detection.bbox.center.position.x = region.left + region.width / 2
        detection.bbox.center.position.y = region.top + region.height / 2
        detection.bbox.size_x = float(region.width)
        detection.bbox.size_y = float(region.height)
        hypothesis = messages.ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = CLASS_ID
        hypothesis.hypothesis.score = region.score
        detection.results = [hypothesis]
        result.detections.append(detection)
    return result


def _corners(
    tracked: TrackedRegion, point: Position, focal_lengths: tuple[float, float]
) -> list[Point]:
    """Return the corners: lower left, lower right, upper right, upper left."""
    x, y, z = (float(value) for value in point)
    half = tracked.region.width * z / focal_lengths[0] / 2
    top = y - tracked.region.height * z / focal_lengths[1]
    return [
        Point(x=x - half, y=y, z=z),
        Point(x=x + half, y=y, z=z),
        Point(x=x + half, y=top, z=z),
        Point(x=x - half, y=top, z=z),
    ]


def _outline(tracked: TrackedRegion, header: Header, corners: list[Point]) -> Marker:
    marker = _marker(tracked, header, BOX_NAMESPACE, Marker.LINE_STRIP)
    marker.points = [*corners, corners[0]]
    marker.scale.x = LINE_WIDTH * corners[0].z
    return marker


def _label(tracked: TrackedRegion, header: Header, corners: list[Point]) -> Marker:
    marker = _marker(tracked, header, LABEL_NAMESPACE, Marker.TEXT_VIEW_FACING)
    upper_right, upper_left = corners[2:]
    marker.text = f"{tracked.id}: {tracked.region.score:.2f}"
    marker.scale.z = TEXT_HEIGHT * upper_left.z
    marker.pose.position.x = (upper_left.x + upper_right.x) / 2
    marker.pose.position.y = upper_left.y - marker.scale.z  # the text's middle, above the box
    marker.pose.position.z = upper_left.z
    return marker


def _marker(tracked: TrackedRegion, header: Header, namespace: str, kind: int) -> Marker:
    red, green, blue = (value / 255 for value in OUTLIER_COLOUR)
    opacity = MISSED_OPACITY if tracked.misses else 1.0
    return Marker(
        header=header,
        ns=namespace,
        id=tracked.id,
        type=kind,
        action=Marker.ADD,
        color=ColorRGBA(r=red, g=green, b=blue, a=opacity),
    )
