"""Lost and Found in its published layout."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.lost_and_found import LostAndFound
from ldn_openset_ros.errors import OpenSetError

PLACE = "01_Hanns_Klemm_Str_45"
NAMES = (f"{PLACE}_000000_000080", f"{PLACE}_000000_000140", f"{PLACE}_000001_000060")


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(array, np.uint8))


def train_ids(root, name):
    return root / "gtCoarse" / "train" / PLACE / f"{name}_gtCoarse_labelTrainIds.png"


@pytest.fixture
def root(tmp_path):
    """Three frames of two videos at one place; grey values 0, 20 and 40."""
    for index, name in enumerate(NAMES):
        write(
            tmp_path / "leftImg8bit" / "train" / PLACE / f"{name}_leftImg8bit.png",
            np.full((2, 4, 3), 20 * index),
        )
        write(train_ids(tmp_path, name), [[255, 1, 1, 2], [255, 0, 1, 2]])
    return tmp_path


def test_train_ids_become_outlier_truth(root):
    frames = LostAndFound(root, "train")
    assert len(frames) == 3
    frame = frames[1]
    assert frame.name == NAMES[1]
    assert np.unique(frame.rgb).tolist() == [20]
    # 255 stays, 0 (no hazard) is ignored, 1 (free space) is inlier, 2 (hazard) is outlier.
    assert frame.outlier.tolist() == [[255, 0, 0, 1], [255, 255, 0, 1]]
    assert frame.labels is None
    assert frame.camera is None


def test_label_ids_are_the_fallback_and_agree(root):
    train_ids(root, NAMES[0]).unlink()
    label_ids = root / "gtCoarse" / "train" / PLACE / f"{NAMES[0]}_gtCoarse_labelIds.png"
    # Background, free space, black crate, small crawling child; lying marker pole (31), plastic
    # bag (32), squared timber (37), walking child (40).
    write(label_ids, [[0, 1, 2, 43], [31, 32, 37, 40]])
    frame = LostAndFound(root, "train")[0]
    assert frame.outlier.tolist() == [[255, 0, 1, 1], [255, 1, 255, 1]]


def test_camera_file_gives_intrinsics(root):
    path = root / "camera" / "train" / PLACE / f"{NAMES[0]}_camera.json"
    path.parent.mkdir(parents=True)
    intrinsic = {"fx": 2304.5, "fy": 2305.5, "u0": 1023.0, "v0": 511.0}
    path.write_text(json.dumps({"extrinsic": {"baseline": 0.21}, "intrinsic": intrinsic}))
    frames = LostAndFound(root, "train")
    camera = frames[0].camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (2304.5, 2305.5, 1023.0, 511.0)
    assert (camera.width, camera.height) == (4, 2)
    assert frames[1].camera is None


@pytest.mark.parametrize("text", ["", "[]", '{"intrinsic": {"fx": 1}}'])
def test_damaged_camera_file_is_named(root, text):
    path = root / "camera" / "train" / PLACE / f"{NAMES[0]}_camera.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(OpenSetError, match=f"{path} is no Cityscapes camera file"):
        LostAndFound(root, "train")[0]


def test_one_video_can_be_chosen(root):
    assert LostAndFound(root, "train").sequences() == (f"{PLACE}_000000", f"{PLACE}_000001")
    video = LostAndFound(root, "train", f"{PLACE}_000000")
    assert [frame.name for frame in video] == list(NAMES[:2])
    with pytest.raises(OpenSetError, match=f"no sequence '{PLACE}' .*choose {PLACE}_000000"):
        LostAndFound(root, "train", PLACE)


def test_frame_without_truth_is_named(root):
    train_ids(root, NAMES[2]).unlink()
    with pytest.raises(OpenSetError, match=f"{NAMES[2]}_leftImg8bit.png has no truth"):
        LostAndFound(root, "train")


def test_foreign_train_id_is_named(root):
    write(train_ids(root, NAMES[0]), np.full((2, 4), 3))
    with pytest.raises(OpenSetError, match=r"labelTrainIds\.png holds the value 3"):
        LostAndFound(root, "train")[0]


def test_missing_parts_say_where_to_get_them(root):
    with pytest.raises(OpenSetError, match=r"no Lost and Found at .*/test: unpack"):
        LostAndFound(root, "test")
    with pytest.raises(OpenSetError, match="no split 'val': choose train, test"):
        LostAndFound(root, "val")


def test_empty_split_is_named(tmp_path):
    for part in ("leftImg8bit", "gtCoarse"):
        (tmp_path / part / "train").mkdir(parents=True)
    with pytest.raises(OpenSetError, match=r"holds no <place>/\*_leftImg8bit\.png"):
        LostAndFound(tmp_path, "train")
