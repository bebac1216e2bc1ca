from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.bags.reader import BagTopic
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.sources import choose_image_topic, find_source

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"


def write_bag(path, compressed=None):
    zeros = np.zeros((8, 8), np.uint8)
    with BagWriter(path, compressed_images=compressed) as bag:
        bag.write(Sample("0", np.zeros((8, 8, 3), np.uint8), outlier=zeros), 1_000_000_000)
    return path


def test_without_a_source_the_sample_camera_plays():
    source = find_source(None, {"rate": 5.0, "seed": 3})
    assert source.module == "ldn_openset_ros.ros.sample_camera"
    assert source.parameters == {"rate": 5.0, "seed": 3}
    assert (source.image_topic, source.compressed) == ("/camera/image_raw", False)


@pytest.mark.parametrize("single_file", [False, True])
def test_a_bag_is_played_in_a_loop_with_its_truth(tmp_path, single_file):
    bag = write_bag(tmp_path / "drive")
    path = next(bag.glob("*.mcap")) if single_file else bag
    source = find_source(str(path), {})
    assert source.module == "ldn_openset_ros.ros.player"
    assert source.parameters == {
        "bag": str(path),
        "loop": True,
        "topics": ["/camera/image_raw", "/ground_truth/outlier"],
    }
    assert (source.image_topic, source.compressed) == ("/camera/image_raw", False)


def test_compressed_images_of_a_bag_are_known(tmp_path):
    source = find_source(str(write_bag(tmp_path / "drive", "jpeg")), {})
    assert (source.image_topic, source.compressed) == ("/camera/image_raw/compressed", True)


def test_a_bag_without_the_usual_topic_gives_its_only_images(tmp_path):
    topics = {
        "/front/image": BagTopic(COMPRESSED, 3, False),
        "/ground_truth/labels": BagTopic(IMAGE, 3, False),
        "/tf": BagTopic("tf2_msgs/msg/TFMessage", 3, False),
    }
    assert choose_image_topic(tmp_path, topics) == "/front/image"
    topics["/rear/image"] = BagTopic(IMAGE, 3, False)
    with pytest.raises(OpenSetError, match=r"/front/image, /rear/image"):
        choose_image_topic(tmp_path, topics)
    with pytest.raises(OpenSetError, match="no topic of images"):
        choose_image_topic(tmp_path, {"/tf": topics["/tf"]})


def test_pictures_videos_and_devices_go_to_the_media_camera(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    video = tmp_path / "Drive.MP4"
    video.touch()
    for path in (str(tmp_path), str(video), "/dev/video0", "1"):
        source = find_source(path, {"rate": 2.0})
        assert source.module == "ldn_openset_ros.ros.media_camera"
        assert source.parameters == {"source": path, "loop": True, "rate": 2.0}


def test_an_unusable_source_is_an_error_with_its_name(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    for name in ("absent", "absent.mp4", "empty", "notes.txt"):
        with pytest.raises(OpenSetError, match=name) as error:
            find_source(str(tmp_path / name), {})
        assert "\n" not in str(error.value)


def test_options_that_a_source_does_not_have_are_refused(tmp_path):
    bag = write_bag(tmp_path / "drive")
    with pytest.raises(OpenSetError, match="rate"):
        find_source(str(bag), {"rate": 5.0})
    with pytest.raises(OpenSetError, match="seed"):
        find_source("/dev/video0", {"seed": 5})
