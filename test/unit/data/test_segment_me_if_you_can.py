"""Both tracks of SegmentMeIfYouCan in their published layouts."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.segment_me_if_you_can import SegmentMeIfYouCan
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture
def anomaly(tmp_path, write):
    track = tmp_path / "dataset_AnomalyTrack"
    for name in ("validation0000", "airplane0001"):
        write(track / "images" / f"{name}.jpg", np.full((1, 3, 3), 60))
    write(track / "labels_masks" / "validation0000_labels_semantic.png", [[0, 1, 255]])
    # The coloured maps lie beside the ones that are read.
    write(track / "labels_masks" / "validation0000_labels_semantic_color.png", np.zeros((1, 3, 3)))
    return tmp_path


@pytest.fixture
def obstacle(tmp_path, write):
    track = tmp_path / "dataset_ObstacleTrack"
    for name in ("validation_1", "validation_24", "gravel_3", "snowstorm1_00", "driveway_10"):
        write(track / "images" / f"{name}.webp", np.full((1, 3, 3), 60))
    write(track / "labels_masks" / "validation_1_labels_semantic.png", [[255, 0, 1]])
    return track


def test_validation_frames_have_truth(anomaly):
    for root in (anomaly, anomaly / "dataset_AnomalyTrack"):
        frames = SegmentMeIfYouCan(root, "anomaly", "validation")
        assert [frame.name for frame in frames] == ["validation0000"]
        assert frames[0].outlier.tolist() == [[0, 1, 255]]
        assert frames[0].labels is None


def test_test_frames_have_hidden_truth(anomaly):
    frames = SegmentMeIfYouCan(anomaly, "anomaly", "test")
    assert [frame.name for frame in frames] == ["airplane0001"]
    assert frames[0].outlier is None


def test_the_obstacle_track_leaves_out_what_the_benchmark_does(obstacle):
    validation = SegmentMeIfYouCan(obstacle, "obstacle", "validation")
    assert [frame.name for frame in validation] == ["validation_1"]
    assert validation[0].outlier.tolist() == [[255, 0, 1]]
    assert validation[0].rgb.shape == (1, 3, 3)
    test = SegmentMeIfYouCan(obstacle, "obstacle", "test")
    assert [frame.name for frame in test] == ["gravel_3"]


def test_foreign_truth_names_the_file(obstacle, write):
    path = write(obstacle / "labels_masks" / "validation_1_labels_semantic.png", [[255, 0, 2]])
    with pytest.raises(OpenSetError, match=f"{path} holds the value 2"):
        SegmentMeIfYouCan(obstacle, "obstacle", "validation")[0]


def test_a_validation_frame_needs_its_mask(obstacle):
    (obstacle / "labels_masks" / "validation_1_labels_semantic.png").unlink()
    with pytest.raises(OpenSetError, match=r"validation_1\.webp has no truth at .*semantic\.png"):
        SegmentMeIfYouCan(obstacle, "obstacle", "validation")


def test_missing_parts_say_where_to_get_them(tmp_path, anomaly):
    with pytest.raises(OpenSetError, match=r"at .*/images: unpack dataset_ObstacleTrack\.zip"):
        SegmentMeIfYouCan(tmp_path / "none", "obstacle", "test")
    with pytest.raises(OpenSetError, match="smiyc_anomaly has no split 'train'"):
        SegmentMeIfYouCan(anomaly, "anomaly", "train")
