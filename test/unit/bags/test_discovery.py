"""Topics of a bag are found by type and name, or given."""

from __future__ import annotations

import json
import re

import pytest
from recordings import (
    COMPRESSED,
    IMAGE,
    LABELS,
    OUTLIER,
    STORAGES,
    image,
    png,
    record,
    scores,
    text,
)

from ldn_openset_ros.bags.discovery import (
    FrameTopics,
    choose_image_topic,
    find_topics,
    read_legend,
)
from ldn_openset_ros.bags.reader import BagReader, BagTopic
from ldn_openset_ros.errors import OpenSetError

IMAGE_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_TYPE = "sensor_msgs/msg/CompressedImage"
FRONT = "/cam_front/openset"


def find(path, **given):
    with BagReader(path) as reader:
        return find_topics(reader, **given)


def outputs(node):
    return [
        (f"{node}/labels", image(1, 0)),
        (f"{node}/outlier_probability", scores(1, 0)),
        (f"{node}/open_set", image(1, 0)),
        (f"{node}/overlay", image(1, 0)),
        (f"{node}/legend", text("{}")),
    ]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("node", ["/openset", FRONT])
def test_all_topics_of_a_recorded_node_are_found(tmp_path, storage, node):
    messages = [
        (IMAGE, image(1, 0)),
        (OUTLIER, image(1, 0)),
        (LABELS, image(1, 0)),
        *outputs(node),
        ("/notes", text("x")),
    ]
    assert find(record(tmp_path / "bag", messages, storage)) == FrameTopics(
        image=IMAGE,
        outlier_truth=OUTLIER,
        label_truth=LABELS,
        outlier_probability=f"{node}/outlier_probability",
        open_set=f"{node}/open_set",
        labels=f"{node}/labels",
        legend=f"{node}/legend",
    )


def test_what_a_bag_does_not_have_is_none(tmp_path):
    path = record(tmp_path / "bag", [("/front/image", image(1, 0)), ("/labels", text("no image"))])
    assert find(path) == FrameTopics(image="/front/image")
    assert find(record(tmp_path / "outputs", outputs(FRONT))).image is None


def test_truth_in_a_namespace_is_found_and_taken_for_nothing_else(tmp_path):
    path = record(
        tmp_path / "bag",
        [("/front/ground_truth/labels", image(1, 0)), ("/front/image", png(1, 0))],
    )
    assert find(path) == FrameTopics(
        image="/front/image", label_truth="/front/ground_truth/labels"
    )


def test_several_that_fit_are_an_error_with_the_option(tmp_path):
    path = record(tmp_path / "bag", [(IMAGE, image(1, 0)), *outputs("/openset"), *outputs(FRONT)])
    fitting = f"{FRONT}/outlier_probability, /openset/outlier_probability"
    with pytest.raises(OpenSetError, match=rf"{path}.*{fitting}.*--outliers"):
        find(path)
    given = {n: f"{FRONT}/{n}" for n in ("outlier_probability", "open_set", "labels")}
    assert find(path, **given) == FrameTopics(image=IMAGE, **given, legend=f"{FRONT}/legend")
    assert find(path, outputs=False) == FrameTopics(image=IMAGE)


def test_given_topics_go_before_the_usual_ones(tmp_path):
    path = record(
        tmp_path / "bag",
        [(IMAGE, image(1, 0)), (OUTLIER, image(1, 0)), ("/a", image(1, 0)), ("/b", image(1, 0))],
    )
    assert find(path, image="/a", outlier_truth="/b", label_truth=None) == FrameTopics(
        image="/a", outlier_truth="/b"
    )


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"image": "/rear"}, f"--image: .* has no topic /rear, it has {COMPRESSED}, {OUTLIER}$"),
        ({"image": "/notes"}, "--image: /notes of .* is a std_msgs/msg/String"),
        ({"label_truth": "/rear"}, f"--label-truth: .* has no topic /rear, it has {OUTLIER}$"),
        (
            {"outlier_truth": COMPRESSED},
            f"--outlier-truth: {COMPRESSED} of .*CompressedImage: give",
        ),
    ],
)
def test_a_given_topic_that_does_not_fit_is_named(tmp_path, given, reason):
    messages = [(COMPRESSED, png(1, 0)), (OUTLIER, image(1, 0)), ("/notes", text("x"))]
    with pytest.raises(OpenSetError, match=reason):
        find(record(tmp_path / "bag", messages), **given)


def test_the_usual_image_topic_goes_before_others_and_raw_before_compressed(tmp_path):
    topics = {name: BagTopic(IMAGE_TYPE, 1, False) for name in ("/a", IMAGE)}
    topics[COMPRESSED] = BagTopic(COMPRESSED_TYPE, 1, False)
    assert choose_image_topic(tmp_path, topics, "") == IMAGE
    topics.pop(IMAGE)
    assert choose_image_topic(tmp_path, topics, "") == COMPRESSED
    pair = {
        "/front/image": BagTopic(IMAGE_TYPE, 1, False),
        "/front/image/compressed": BagTopic(COMPRESSED_TYPE, 1, False),
    }
    assert choose_image_topic(tmp_path, pair, "") == "/front/image"


@pytest.mark.parametrize("camera", ["/camera/image_raw", "/camera/camera/color/image_raw"])
def test_all_that_image_transport_publishes_of_a_camera_is_one_camera(tmp_path, camera):
    """`ros2 bag record -a` records them all."""
    topics = {
        f"{camera}/compressed": BagTopic(COMPRESSED_TYPE, 3, False),
        f"{camera}/compressedDepth": BagTopic(COMPRESSED_TYPE, 3, False),
        f"{camera}/zstd": BagTopic(COMPRESSED_TYPE, 3, False),
        f"{camera}/theora": BagTopic("theora_image_transport/msg/Packet", 3, False),
        f"{camera}/ffmpeg": BagTopic("ffmpeg_image_transport_msgs/msg/FFMPEGPacket", 3, False),
        "/openset/overlay": BagTopic(IMAGE_TYPE, 3, False),
        "/openset/overlay/compressed": BagTopic(COMPRESSED_TYPE, 3, False),
        camera: BagTopic(IMAGE_TYPE, 3, False),
    }
    assert choose_image_topic(tmp_path, topics, "") == camera
    topics[camera] = BagTopic(IMAGE_TYPE, 0, False)
    assert choose_image_topic(tmp_path, topics, "") == f"{camera}/compressed", "raw is empty"
    for topic in (camera, f"{camera}/compressed"):
        topics.pop(topic)
    assert choose_image_topic(tmp_path, topics, "") is None, "none of the rest is decoded"
    topics[f"{camera}/compressed"] = BagTopic(COMPRESSED_TYPE, 3, False)
    topics["/rear/image/compressed"] = BagTopic(COMPRESSED_TYPE, 0, False)
    assert choose_image_topic(tmp_path, topics, "") == f"{camera}/compressed"


def test_two_cameras_with_all_transports_are_still_two(tmp_path):
    topics = {}
    for camera in ("/front/image", "/rear/image"):
        topics[camera] = BagTopic(IMAGE_TYPE, 3, False)
        for transport in ("compressed", "compressedDepth", "zstd"):
            topics[f"{camera}/{transport}"] = BagTopic(COMPRESSED_TYPE, 3, False)
    with pytest.raises(OpenSetError, match=r"\(/front/image, /rear/image\): choose one"):
        choose_image_topic(tmp_path, topics, "choose one")
    assert choose_image_topic(tmp_path, topics, "", taken={"/rear/image"}) == "/front/image"


def test_a_bag_of_a_camera_with_all_transports_is_read(tmp_path):
    path = record(
        tmp_path / "bag",
        [
            ("/cam/image", image(1, 7)),
            ("/cam/image/compressed", png(1, 7)),
            ("/cam/image/compressedDepth", png(1, 7)),
            ("/cam/image/zstd", png(1, 7)),
        ],
    )
    assert find(path) == FrameTopics(image="/cam/image")


def test_a_bag_without_the_usual_topic_gives_its_only_images(tmp_path):
    topics = {
        "/front/image": BagTopic(COMPRESSED_TYPE, 3, False),
        "/ground_truth/labels": BagTopic(IMAGE_TYPE, 3, False),
        "/openset/overlay": BagTopic(IMAGE_TYPE, 3, False),
        "/tf": BagTopic("tf2_msgs/msg/TFMessage", 3, False),
    }
    assert choose_image_topic(tmp_path, topics, "") == "/front/image"
    topics["/rear/image"] = BagTopic(IMAGE_TYPE, 3, False)
    with pytest.raises(OpenSetError, match=r"/front/image, /rear/image\): choose one"):
        choose_image_topic(tmp_path, topics, "choose one")
    assert choose_image_topic(tmp_path, topics, "", taken={"/rear/image"}) == "/front/image"
    assert choose_image_topic(tmp_path, {"/tf": topics["/tf"]}, "") is None


def test_the_last_legend_counts(tmp_path):
    legends = [{"outlier_id": 11}, {"outlier_id": 19, "classes": []}]
    messages = [("/openset/legend", text(json.dumps(legend))) for legend in legends]
    with BagReader(record(tmp_path / "bag", messages)) as reader:
        assert read_legend(reader, "/openset/legend") == legends[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "no JSON"), ("[1]", "no JSON object"), ("[" * 100_000, "no JSON")],
    ids=["cut", "list", "deep"],
)
def test_a_damaged_legend_is_named(tmp_path, content, reason):
    path = record(tmp_path / "bag", [("/openset/legend", text(content))])
    with (
        BagReader(path) as reader,
        pytest.raises(OpenSetError, match=f"{re.escape(str(path))}, /openset/legend: .*{reason}"),
    ):
        read_legend(reader, "/openset/legend")


def test_a_topic_that_is_no_text_has_no_legend(tmp_path):
    with (
        BagReader(record(tmp_path / "bag", [(IMAGE, image(1, 0))])) as reader,
        pytest.raises(OpenSetError, match=f"{IMAGE}: the legend is no"),
    ):
        read_legend(reader, IMAGE)
