from __future__ import annotations

import pytest

pytest.importorskip("visualization_msgs", reason="needs visualization_msgs: install ROS 2")

from builtin_interfaces.msg import Duration, Time
from generated_messages import generated_messages
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from ldn_openset_ros.ros.region_messages import RegionMarkers, detection_array, marker_array
from ldn_openset_ros.ros.region_tracker import TrackedRegion
from ldn_openset_ros.ros.regions import Region

HEADER = Header(stamp=Time(sec=12, nanosec=345), frame_id="front_optical")
FOCAL_LENGTHS = (500.0, 400.0)

# The fields of vision_msgs 4.1, of which no wheel exists.
VISION_MSGS = {
    "Point2D": "float64 x\nfloat64 y\n",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": (
        "ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "Detection2D": (
        "std_msgs/Header header\nObjectHypothesisWithPose[] results\n"
        "BoundingBox2D bbox\nstring id\n"
    ),
    "Detection2DArray": "std_msgs/Header header\nDetection2D[] detections\n",
}


@pytest.fixture(scope="module")
def vision_messages(tmp_path_factory):
    """The module vision_msgs.msg; where it is not installed, made from its definitions."""
    try:
        from vision_msgs import msg
    except ImportError:
        pytest.importorskip("rosidl_generator_py", reason="needs ROS's generator of messages")
        folder = tmp_path_factory.mktemp("vision_msgs")
        with pytest.MonkeyPatch.context() as patch:
            # Setters check types only where this is set when their module is imported.
            patch.setenv("ROS_PYTHON_CHECK_FIELDS", "1")
            with generated_messages("vision_msgs", VISION_MSGS, folder) as msg:
                yield msg
    else:
        yield msg


def tracked(number, misses=0):
    region = Region(30, 100, 40, 50, 900, 0.754, 0.9, (50.0, 125.0))
    return TrackedRegion(number, region, 5, 0.4, misses)


def key(marker):
    return marker.ns, marker.id, marker.action


def test_the_outline_covers_the_regions_box_when_seen_through_the_camera():
    region = tracked(7).region
    centre = (320.0, 240.0)
    column, row = region.bottom_centre
    depth = 10.0
    x, y = (
        (value - middle) / focal * depth
        for value, middle, focal in zip((column, row), centre, FOCAL_LENGTHS, strict=True)
    )
    outline = marker_array([tracked(7)], HEADER, [(x, y, depth)], FOCAL_LENGTHS).markers[0]
    seen = [
        (
            FOCAL_LENGTHS[0] * p.x / p.z + centre[0],
            FOCAL_LENGTHS[1] * p.y / p.z + centre[1],
        )
        for p in outline.points
    ]
    expected = [(99.5, 69.5), (149.5, 69.5), (149.5, 29.5), (99.5, 29.5), (99.5, 69.5)]
    for point, corner in zip(seen, expected, strict=True):
        assert point == pytest.approx(corner)
    assert all(p.z == depth for p in outline.points)
    assert outline.type == Marker.LINE_STRIP
    assert outline.scale.x == pytest.approx(0.04)
    assert outline.pose.orientation.w == 1


def test_header_key_colour_and_lifetime_of_the_markers():
    outline, label = marker_array([tracked(7)], HEADER, [(1, 2, 10)], FOCAL_LENGTHS).markers
    assert key(outline) == ("outlier", 7, Marker.ADD)
    assert key(label) == ("outlier_label", 7, Marker.ADD)
    for marker in (outline, label):
        assert marker.header == HEADER
        assert marker.lifetime == Duration(sec=2)
        colour = marker.color
        assert (colour.r, colour.g, colour.b, colour.a) == (1, 0, pytest.approx(220 / 255), 1)


def test_the_label_is_above_the_box_with_id_and_score():
    _, label = marker_array([tracked(7)], HEADER, [(1, 2, 10)], FOCAL_LENGTHS).markers
    assert label.type == Marker.TEXT_VIEW_FACING
    assert label.text == "7: 0.75"
    assert label.scale.z == pytest.approx(0.3)
    position = label.pose.position
    assert (position.x, position.y, position.z) == pytest.approx((1, 2 - 1.0 - 0.3, 10))


def test_markers_are_the_same_at_the_other_end_of_the_wire():
    serialization = pytest.importorskip("rclpy.serialization", reason="needs rclpy")
    message = marker_array([tracked(7)], HEADER, [(1, 2, 10)], FOCAL_LENGTHS, gone=[3])
    received = serialization.deserialize_message(
        serialization.serialize_message(message), MarkerArray
    )
    assert [key(m) for m in received.markers] == [key(m) for m in message.markers]
    for got, sent in zip(received.markers, message.markers, strict=True):
        assert (got.header, got.points, got.text) == (sent.header, sent.points, sent.text)
        assert (got.pose, got.scale, got.lifetime) == (sent.pose, sent.scale, sent.lifetime)


def test_a_region_that_the_frame_misses_is_fainter():
    regions = [tracked(1), tracked(2, misses=1)]
    markers = marker_array(regions, HEADER, [(0, 1, 5)] * 2, FOCAL_LENGTHS).markers
    assert [(m.id, round(m.color.a, 6)) for m in markers] == [(1, 1), (1, 1), (2, 0.4), (2, 0.4)]


def test_regions_without_a_point_have_no_marker():
    regions = [tracked(1), tracked(2)]
    markers = marker_array(regions, HEADER, [None, (0, 1, 5)], FOCAL_LENGTHS).markers
    assert [m.id for m in markers] == [2, 2]
    with pytest.raises(ValueError, match="zip"):
        marker_array(regions, HEADER, [None], FOCAL_LENGTHS)


def test_markers_are_deleted_once_when_their_region_is_gone_or_loses_its_point():
    shown = RegionMarkers()
    here = (0, 1, 5)

    def update(regions, points):
        markers = shown.update(regions, HEADER, points, FOCAL_LENGTHS).markers
        assert all(m.header == HEADER for m in markers)
        return [key(m) for m in markers if m.action == Marker.DELETE]

    assert update([tracked(1), tracked(2), tracked(3)], [here] * 3) == []
    assert update([tracked(1), tracked(2)], [here, None]) == [
        ("outlier", 2, Marker.DELETE),
        ("outlier", 3, Marker.DELETE),
        ("outlier_label", 2, Marker.DELETE),
        ("outlier_label", 3, Marker.DELETE),
    ]
    assert update([tracked(1), tracked(2)], [here, None]) == []
    assert update([tracked(1), tracked(2)], [here, here]) == []
    assert update([], []) == [
        (namespace, number, Marker.DELETE)
        for namespace in ("outlier", "outlier_label")
        for number in (1, 2)
    ]


def test_detections_of_vision_msgs(vision_messages):
    message = detection_array(vision_messages, [tracked(4), tracked(9)], HEADER)
    assert isinstance(message, vision_messages.Detection2DArray)
    assert message.header == HEADER
    assert [d.id for d in message.detections] == ["4", "9"]
    detection = message.detections[0]
    assert detection.header == HEADER
    box = detection.bbox
    assert (box.center.position.x, box.center.position.y, box.center.theta) == (125, 50, 0)
    assert (box.size_x, box.size_y) == (50, 40)
    (result,) = detection.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("outlier", 0.754)


def test_detections_are_only_what_the_frame_shows(vision_messages):
    message = detection_array(vision_messages, [tracked(4, misses=1), tracked(9)], HEADER)
    assert [d.id for d in message.detections] == ["9"]
    assert detection_array(vision_messages, [], HEADER).detections == []
