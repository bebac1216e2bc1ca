"""Data sets by name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.data.lost_and_found import LostAndFound
from ldn_openset_ros.data.registry import DATASET_NAMES, open_dataset
from ldn_openset_ros.data.road_anomaly import RoadAnomaly
from ldn_openset_ros.errors import OpenSetError


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (2, 3) if "label" in str(path) else (2, 3, 3)
    assert cv2.imwrite(str(path), np.ones(shape, np.uint8))


@pytest.fixture
def root(tmp_path):
    """One frame of every data set."""
    for split in ("train", "test"):
        write(tmp_path / "camvid" / split / "images" / f"{split}_1.png")
        write(tmp_path / "camvid" / split / "labels" / f"{split}_1.png")
    write(tmp_path / "road_anomaly" / "images" / "a.png")
    write(tmp_path / "road_anomaly" / "labels" / "a.png")
    laf = tmp_path / "lost_and_found"
    write(laf / "leftImg8bit" / "test" / "p" / "p_000000_000010_leftImg8bit.png")
    write(laf / "gtCoarse" / "test" / "p" / "p_000000_000010_gtCoarse_labelTrainIds.png")
    write(tmp_path / "folder" / "images" / "a.png")
    return tmp_path


def test_names():
    assert DATASET_NAMES == ("camvid", "road_anomaly", "lost_and_found", "folder")


@pytest.mark.parametrize(
    ("name", "kind", "first"),
    [
        ("camvid", CamVid, "test_1"),
        ("road_anomaly", RoadAnomaly, "a"),
        ("lost_and_found", LostAndFound, "p_000000_000010"),
        ("folder", PictureFolder, "a"),
    ],
)
def test_opens_each_by_name(root, name, kind, first):
    samples = open_dataset(name, root / name)
    assert type(samples) is kind
    assert [sample.name for sample in samples] == [first]


def test_split_and_sequence_are_passed_on(root):
    assert open_dataset("camvid", root / "camvid", "train")[0].name == "train_1"
    assert len(open_dataset("camvid", root / "camvid", "train", "train")) == 1
    with pytest.raises(OpenSetError, match="no sequence 'other'"):
        open_dataset("camvid", root / "camvid", "train", "other")


def test_folder_has_truth_where_there_are_labels(root):
    assert open_dataset("folder", root / "folder")[0].outlier is None
    write(root / "folder" / "labels" / "a.png")
    assert open_dataset("folder", root / "folder")[0].outlier.tolist() == [[1, 1, 1]] * 2


def test_unknown_name_lists_the_known(root):
    with pytest.raises(OpenSetError, match="no data set 'kitti': choose camvid, road_anomaly"):
        open_dataset("kitti", root)


@pytest.mark.parametrize("name", ["road_anomaly", "folder"])
def test_splits_and_sequences_are_refused_where_there_are_none(root, name):
    with pytest.raises(OpenSetError, match=f"{name} has no splits"):
        open_dataset(name, root / name, "test")
    with pytest.raises(OpenSetError, match=f"{name} has no sequences"):
        open_dataset(name, root / name, sequence="one")
