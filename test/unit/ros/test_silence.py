from __future__ import annotations

import pytest

from ldn_openset_ros.ros.silence import (
    COMPRESSED_IMAGE,
    IMAGE,
    MAX_PATIENCE,
    PATIENCE,
    REPEAT_PERIOD,
    Silence,
    SilenceWatch,
    where_images_are,
)


@pytest.fixture
def watch(clock):
    return SilenceWatch(clock)


def looks(watch, clock, seconds, waiting=True):
    """Look every second; return (second, what there was to tell)."""
    told = []
    for second in range(1, seconds + 1):
        clock.now += 1
        if silence := watch.look(waiting):
            told.append((second, silence))
    return told


def test_a_camera_that_never_comes_is_told_at_long_intervals(watch, clock):
    told = looks(watch, clock, 150)
    first = int(PATIENCE) + 1  # the first look begins to wait
    period = int(REPEAT_PERIOD)
    assert told == [(first + n * period, Silence.ABSENT) for n in range(3)]


def test_a_camera_that_stops_and_comes_back_is_told_once_each(watch, clock):
    for _ in range(20):
        clock.now += 0.5
        watch.arrived()
        assert watch.look(True) is None
    assert looks(watch, clock, 300) == [(int(PATIENCE), Silence.STOPPED)]
    watch.arrived()
    assert looks(watch, clock, 1) == [(1, Silence.ENDED)]
    watch.arrived()
    assert looks(watch, clock, 100) == [(int(PATIENCE), Silence.STOPPED)]


def test_the_first_image_after_the_warning_is_told(watch, clock):
    looks(watch, clock, 10)
    watch.arrived()
    assert looks(watch, clock, 1) == [(1, Silence.ENDED)]


def test_a_slow_camera_is_not_silent(watch, clock):
    """One frame in 10 s: after the second one the pace is known."""
    watch.arrived()
    assert [what for _, what in looks(watch, clock, 10)] == [Silence.STOPPED]
    watch.arrived()
    assert looks(watch, clock, 10) == [(1, Silence.ENDED)]
    for _ in range(10):
        watch.arrived()
        assert looks(watch, clock, 10) == []


def test_silence_counts_only_while_images_are_waited_for(watch, clock):
    assert looks(watch, clock, 100, waiting=False) == []
    assert looks(watch, clock, int(PATIENCE)) == []
    assert looks(watch, clock, 1) == [(1, Silence.ABSENT)]
    assert looks(watch, clock, 1, waiting=False) == []
    assert looks(watch, clock, int(PATIENCE)) == [], "nothing has ended by that"


def test_patience_has_an_end(watch, clock):
    watch.arrived()
    clock.now += 10_000
    watch.arrived()
    watch.look(True)
    assert looks(watch, clock, 100) == [(int(MAX_PATIENCE), Silence.STOPPED)]


CAMERAS = {
    "/rear/image_raw": [IMAGE],
    "/front/image_raw": [IMAGE],
    "/front/image_raw/compressed": [COMPRESSED_IMAGE],
    "/points": ["sensor_msgs/msg/PointCloud2"],
}


@pytest.mark.parametrize(
    ("topic", "kind", "published", "line"),
    [
        (
            "/front/image",
            IMAGE,
            CAMERAS,
            "nobody publishes it; sensor_msgs/msg/Image is on /front/image_raw, /rear/image_raw: "
            "remap image to its topic",
        ),
        (
            "/front/image/compressed",
            COMPRESSED_IMAGE,
            CAMERAS,
            "nobody publishes it; sensor_msgs/msg/CompressedImage is on "
            "/front/image_raw/compressed: remap image to its topic, without /compressed",
        ),
        (
            "/image",
            IMAGE,
            {"/image/compressed": [COMPRESSED_IMAGE]},
            "nobody publishes it; sensor_msgs/msg/CompressedImage is on /image/compressed: set "
            "image_transport to compressed and remap image to its topic, without /compressed",
        ),
        (
            "/image/compressed",
            COMPRESSED_IMAGE,
            {"/image": [IMAGE]},
            "nobody publishes it; sensor_msgs/msg/Image is on /image: set image_transport to raw "
            "and remap image to its topic",
        ),
        (
            "/points",
            IMAGE,
            CAMERAS,
            "it carries sensor_msgs/msg/PointCloud2, not sensor_msgs/msg/Image: remap image to "
            "another",
        ),
        (
            "/rear/image_raw",
            IMAGE,
            CAMERAS,
            "its publisher is there: check the camera, and whether its QoS fits",
        ),
        (
            "/image",
            IMAGE,
            {},
            "nobody publishes it, nor any other sensor_msgs/msg/Image: start the camera",
        ),
        (
            "/image",
            IMAGE,
            {f"/cam{n}/image": [IMAGE] for n in range(7)},
            "nobody publishes it; sensor_msgs/msg/Image is on /cam0/image, /cam1/image, "
            "/cam2/image, /cam3/image, /cam4/image and 2 more: remap image to its topic",
        ),
    ],
)
def test_it_is_told_where_images_are(topic, kind, published, line):
    assert where_images_are(topic, kind, published) == line
