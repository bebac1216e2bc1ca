"""What was heard of the node, as the page gets it."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from ldn_openset_ros.ros.node_status import Status, statuses_of
from ldn_openset_ros.ros.web.feed import Feed
from ldn_openset_ros.ros.web.seen import SILENCE, Seen, cameras_of, topic_of

IMAGE = ["sensor_msgs/msg/Image"]


@pytest.fixture
def seen(clock):
    return Seen("/openset", clock)


def diagnostic(name, level=0, message="", **values):
    return SimpleNamespace(
        name=name,
        level=bytes([level]),
        message=message,
        values=[SimpleNamespace(key=key, value=value) for key, value in values.items()],
    )


def status(part, level="OK"):
    return Status(part, level, "", {})


def test_a_node_without_names_has_one_camera():
    topics = [("/openset/overlay", IMAGE), ("/openset/labels", IMAGE), ("/image", IMAGE)]
    assert cameras_of(topics, "/openset") == ("",)


def test_named_cameras_are_found_by_their_overlays():
    topics = [
        ("/openset/rear/overlay", IMAGE),
        ("/openset/front/overlay", IMAGE),
        ("/openset/front/labels", IMAGE),
        ("/openset/left/labels", IMAGE),
    ]
    assert cameras_of(topics, "/openset") == ("front", "rear")


@pytest.mark.parametrize(
    "topic",
    [
        "/overlay",
        "/openset2/overlay",
        "/robot/openset/overlay",
        "/openset/a/b/overlay",
        "/opensetXoverlay",
    ],
)
def test_overlays_of_others_are_no_cameras(topic):
    assert cameras_of([(topic, IMAGE)], "/openset") == ()


def test_an_overlay_of_another_type_is_no_camera():
    topics = [("/openset/overlay", ["sensor_msgs/msg/CompressedImage"])]
    assert cameras_of(topics, "/openset") == ()


def test_topics_have_the_cameras_name_where_there_is_one():
    assert topic_of("/openset", "", "overlay") == "/openset/overlay"
    assert topic_of("/robot/openset", "front", "open_set") == "/robot/openset/front/open_set"


def test_only_the_nodes_own_diagnostics_count():
    array = [
        diagnostic("openset: front", 1, "late", rate_in_hz="9.80"),
        diagnostic("openset: rear", 2),
        diagnostic("openset2: front", 2),
        diagnostic("battery", 3),
    ]
    front, rear = statuses_of(array, "/openset")
    assert front == Status("front", "WARN", "late", {"rate_in_hz": "9.80"})
    assert (rear.part, rear.level) == ("rear", "ERROR")


def test_names_of_diagnostics_have_the_namespace():
    array = [diagnostic("robot/openset: recognition", 3)]
    assert statuses_of(array, "/robot/openset") == [status("recognition", "STALE")]


def test_statuses_replace_their_older_selves_and_fall_silent_one_by_one(seen, clock):
    seen.take_statuses([status("front"), status("rear")])
    clock.now += SILENCE - 1
    seen.take_statuses([status("front", "WARN")])
    assert seen.statuses() == [status("front", "WARN"), status("rear")]
    clock.now += 1.5
    assert seen.statuses() == [status("front", "WARN")]
    assert seen.state("")["alive"] is True
    clock.now += SILENCE
    assert seen.state("")["alive"] is False


def test_the_state_is_json(seen):
    async def scenario():
        seen.take_legend(json.dumps({"classes": [], "threshold": 0.5}))
        seen.take_cameras(("front", "rear"))
        seen.take_statuses([Status("front", "OK", "fine", {"rate_in_hz": "nan"})])
        feed = seen.feeds["/openset/front/overlay"] = Feed(lambda message: b"")
        seen.take_frame("/openset/front/overlay", "frame")
        seen.take_frame("/openset/rear/overlay", "nobody looks")
        feed.problem = "damaged"
        return seen.state("/openset/front/overlay"), seen.state("/openset/rear/overlay")

    front, rear = asyncio.run(scenario())
    assert json.loads(json.dumps(front, allow_nan=False)) == {
        "node": "/openset",
        "alive": True,
        "cameras": ["front", "rear"],
        "legend": {"classes": [], "threshold": 0.5},
        "statuses": [
            {"part": "front", "level": "OK", "message": "fine", "values": {"rate_in_hz": "nan"}}
        ],
        "frame_age": front["frame_age"],
        "problem": "damaged",
    }
    assert 0 <= front["frame_age"] < 5
    assert rear["frame_age"] is None
    assert rear["problem"] == ""
