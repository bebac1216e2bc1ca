from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.sources import find_source


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


def test_a_bag_without_images_is_refused(tmp_path):
    with BagWriter(tmp_path / "drive") as bag:
        bag.write_legend("{}", 0)
    with pytest.raises(OpenSetError, match="has no topic of images: record one with its camera"):
        find_source(str(tmp_path / "drive"), {})


def test_damage_of_a_bag_is_told_in_its_title(tmp_path):
    bag = write_bag(tmp_path / "drive")
    (bag / "metadata.yaml").write_text("[")
    source = find_source(str(bag), {})
    assert source.title.startswith(f"bag {bag} (metadata.yaml cannot be read")
    assert source.image_topic == "/camera/image_raw"


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
