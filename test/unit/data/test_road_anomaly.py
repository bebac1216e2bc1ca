"""RoadAnomaly in its published layout and as pairs of files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.road_anomaly import RoadAnomaly
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture
def pairs(tmp_path):
    """images/ and labels/ with one photograph; the anomaly is its left column."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "cow.png"), np.full((3, 4, 3), 9, np.uint8))
    truth = np.zeros((3, 4), np.uint8)
    truth[:, 0] = 1
    cv2.imwrite(str(tmp_path / "labels" / "cow.png"), truth)
    return tmp_path


def test_reads_pairs(pairs):
    photographs = RoadAnomaly(pairs)
    assert len(photographs) == 1
    assert photographs[0].name == "cow"
    assert photographs[0].rgb.tolist() == np.full((3, 4, 3), 9).tolist()
    assert photographs[0].outlier.tolist() == [[1, 0, 0, 0]] * 3
    assert photographs[0].labels is None


def test_reads_the_published_layout(tmp_path):
    labels = tmp_path / "frames" / "cow.labels"
    labels.mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "frames" / "cow.jpg"), np.zeros((1, 3, 3), np.uint8))
    cv2.imwrite(str(labels / "labels_semantic.png"), np.array([[0, 1, 2]], np.uint8))
    photographs = RoadAnomaly(tmp_path)
    assert photographs[0].name == "cow"
    assert photographs[0].outlier.tolist() == [[0, 0, 1]]
    assert photographs[0].outlier.dtype == np.uint8


def test_published_photograph_without_labels_is_named(tmp_path):
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "cow.jpg"), np.zeros((1, 3, 3), np.uint8))
    with pytest.raises(OpenSetError, match=r"cow\.jpg has no truth at .*labels_semantic\.png"):
        RoadAnomaly(tmp_path)


@pytest.mark.parametrize("value", [2, 254, 255])
def test_other_values_name_the_file(pairs, value):
    cv2.imwrite(str(pairs / "labels" / "cow.png"), np.full((3, 4), value, np.uint8))
    with pytest.raises(OpenSetError, match=rf"labels/cow\.png holds the value {value}"):
        RoadAnomaly(pairs)[0]


def test_missing_folder_says_where_to_get_it(tmp_path):
    with pytest.raises(OpenSetError, match=f"no RoadAnomaly at {tmp_path}: .*epfl"):
        RoadAnomaly(tmp_path)


def test_real_data(data_root):
    photographs = RoadAnomaly(data_root / "road_anomaly_dev")
    assert len(photographs) == 20
    assert photographs[3].rgb.shape == (720, 1280, 3)
    assert np.unique(photographs[3].outlier).tolist() == [0, 1]
