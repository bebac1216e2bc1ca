"""Data sets by name."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.cityscapes import Cityscapes
from ldn_openset_ros.data.cityscapes_squashed import CityscapesSquashed
from ldn_openset_ros.data.fishyscapes import FishyscapesLostAndFound, FishyscapesStatic
from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.data.idd_lite import IddLite
from ldn_openset_ros.data.lost_and_found import LostAndFound
from ldn_openset_ros.data.ordinary_roads import OrdinaryRoads
from ldn_openset_ros.data.registry import DATASET_NAMES, WITHOUT_SPLITS, open_dataset
from ldn_openset_ros.data.road_anomaly import RoadAnomaly
from ldn_openset_ros.data.segment_me_if_you_can import SegmentMeIfYouCan
from ldn_openset_ros.data.street_hazards import StreetHazards
from ldn_openset_ros.data.vistas import Vistas
from ldn_openset_ros.data.wild_dash import WildDash1, WildDash2
from ldn_openset_ros.errors import OpenSetError

KINDS = {
    "camvid": (CamVid, "test_1"),
    "cityscapes": (Cityscapes, "ulm_000000_000019"),
    "cityscapes_squashed": (CityscapesSquashed, "ulm_1"),
    "vistas": (Vistas, "a"),
    "wilddash1": (WildDash1, "a_100000"),
    "wilddash2": (WildDash2, "a"),
    "street_hazards": (StreetHazards, "t5_1"),
    "road_anomaly": (RoadAnomaly, "a"),
    "lost_and_found": (LostAndFound, "p_000000_000010"),
    "fishyscapes_lost_and_found": (FishyscapesLostAndFound, "0000_p_000000_000010"),
    "fishyscapes_static": (FishyscapesStatic, "0000_ulm_000000_000019"),
    "smiyc_anomaly": (SegmentMeIfYouCan, "validation0000"),
    "smiyc_obstacle": (SegmentMeIfYouCan, "validation_1"),
    "idd_lite": (IddLite, "a"),
    "roads": (OrdinaryRoads, "a"),
    "folder": (PictureFolder, "a"),
}


def write(path, shape=(2, 3, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ones(shape, np.uint8))


def write_map(path):
    write(path, (2, 3))


@pytest.fixture
def root(tmp_path):
    """One frame of every data set."""
    for split in ("train", "test"):
        write(tmp_path / "camvid" / split / "images" / f"{split}_1.png")
        write_map(tmp_path / "camvid" / split / "labels" / f"{split}_1.png")
    write(tmp_path / "cityscapes/leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png")
    write_map(tmp_path / "cityscapes/gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png")
    write(tmp_path / "cityscapes_squashed/val/images/ulm_1.png", (3, 3, 3))
    write(tmp_path / "cityscapes_squashed/val/labels/ulm_1.png", (3, 3))
    write(tmp_path / "vistas/validation/images/a.jpg")
    write_map(tmp_path / "vistas/validation/labels/a.png")
    config = {"labels": [{"name": "void--static"}, {"name": "construction--flat--road"}]}
    (tmp_path / "vistas/config.json").write_text(json.dumps(config))
    write(tmp_path / "wilddash1/wd_val_01/a_100000.png")
    write_map(tmp_path / "wilddash1/wd_val_01/a_100000_labelIds.png")
    write(tmp_path / "wilddash2/images/a.jpg")
    write_map(tmp_path / "wilddash2/labels/a.png")
    write(tmp_path / "street_hazards/test/images/test/t5/1.png")
    write_map(tmp_path / "street_hazards/test/annotations/test/t5/1.png")
    write(tmp_path / "road_anomaly" / "images" / "a.png")
    write_map(tmp_path / "road_anomaly" / "labels" / "a.png")
    for name in ("lost_and_found", "fishyscapes_lost_and_found"):
        folder = tmp_path / name
        write(folder / "leftImg8bit" / "test" / "p" / "p_000000_000010_leftImg8bit.png")
    truths = tmp_path / "lost_and_found" / "gtCoarse" / "test" / "p"
    write_map(truths / "p_000000_000010_gtCoarse_labelTrainIds.png")
    write_map(folder / "fishyscapes_lostandfound" / "0000_p_000000_000010_labels.png")
    static = tmp_path / "fishyscapes_static"
    write(static / "leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png")
    write_map(static / "fs_val_v3" / "0000_ulm_000000_000019_labels.png")
    np.savez(static / "fs_val_v3" / "0000_ulm_000000_000019_rgb.npz", rgb=np.zeros((2, 3, 3)))
    for name, frame in (("smiyc_anomaly", "validation0000"), ("smiyc_obstacle", "validation_1")):
        write(tmp_path / name / "images" / f"{frame}.jpg")
        write_map(tmp_path / name / "labels_masks" / f"{frame}_labels_semantic.png")
    write(tmp_path / "idd_lite/images/a.jpg")
    write_map(tmp_path / "idd_lite/labels/a.png")
    write(tmp_path / "roads/a.jpg")
    write(tmp_path / "folder" / "images" / "a.png")
    return tmp_path


def test_names():
    assert tuple(KINDS) == DATASET_NAMES


@pytest.mark.parametrize("name", KINDS)
def test_opens_each_by_name(root, name):
    kind, first = KINDS[name]
    samples = open_dataset(name, root / name)
    assert type(samples) is kind
    assert [sample.name for sample in samples] == [first]
    size = (512, 1024, 3) if name == "cityscapes_squashed" else (2, 3, 3)
    assert samples[0].rgb.shape == size


@pytest.mark.parametrize("name", KINDS)
def test_companions_that_macos_writes_are_no_frames(root, name):
    for path in [p for p in (root / name).rglob("*") if p.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    samples = open_dataset(name, root / name)
    assert [sample.name for sample in samples] == [KINDS[name][1]]


def test_split_and_sequence_are_passed_on(root):
    assert open_dataset("camvid", root / "camvid", "train")[0].name == "train_1"
    assert len(open_dataset("camvid", root / "camvid", "train", "train")) == 1
    with pytest.raises(OpenSetError, match="no sequence 'other'"):
        open_dataset("camvid", root / "camvid", "train", "other")


def test_folder_has_truth_where_there_are_labels(root):
    assert open_dataset("folder", root / "folder")[0].outlier is None
    write_map(root / "folder" / "labels" / "a.png")
    assert open_dataset("folder", root / "folder")[0].outlier.tolist() == [[1, 1, 1]] * 2


def test_only_a_folders_maps_have_a_value_of_choice(root):
    write_map(root / "folder" / "labels" / "a.png")  # of ones
    with pytest.raises(OpenSetError, match="holds the value 1: allowed are 0, 255"):
        open_dataset("folder", root / "folder", outlier_value=255)[0]
    with pytest.raises(OpenSetError, match="camvid has an encoding of its own: leave --outlier-v"):
        open_dataset("camvid", root / "camvid", outlier_value=255)


def test_unknown_name_lists_the_known(root):
    with pytest.raises(OpenSetError, match="no data set 'kitti': choose camvid, cityscapes"):
        open_dataset("kitti", root)


@pytest.mark.parametrize("name", DATASET_NAMES)
def test_splits_are_refused_where_there_are_none(root, name):
    refusal = "has no splits: leave 'dawn' out" if name in WITHOUT_SPLITS else "no split 'dawn'"
    with pytest.raises(OpenSetError, match=refusal):
        open_dataset(name, root / name, "dawn")


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"camvid", "lost_and_found"}))
def test_sequences_are_refused_where_there_are_none(root, name):
    with pytest.raises(OpenSetError, match=f"{name} has no sequences: leave 'one' out"):
        open_dataset(name, root / name, sequence="one")
