"""Road pictures that are inliers without a class: ordinary drives and IDD-Lite."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.idd_lite import IddLite
from ldn_openset_ros.data.ordinary_roads import OrdinaryRoads
from ldn_openset_ros.errors import OpenSetError


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def test_every_pixel_of_an_ordinary_drive_is_an_inlier(tmp_path):
    for number, size in ((2, (4, 6, 3)), (1, (5, 3, 3))):
        write(tmp_path / f"{number}.png", np.full(size, number, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    roads = OrdinaryRoads(tmp_path)
    assert [(frame.name, frame.rgb.shape) for frame in roads] == [
        ("1", (5, 3, 3)),
        ("2", (4, 6, 3)),
    ]
    assert all((f.outlier == 0).all() and f.outlier.shape == f.rgb.shape[:2] for f in roads)
    assert all(frame.labels is None for frame in roads)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(OpenSetError, match=f"{tmp_path} holds no pictures"):
        OrdinaryRoads(tmp_path)


def test_living_things_and_void_of_idd_lite_are_ignored(tmp_path):
    groups = np.array([[0, 1, 2, 3], [4, 5, 6, 255]], np.uint8)
    write(tmp_path / "images" / "a.jpg", np.full((2, 4, 3), 9, np.uint8))
    write(tmp_path / "labels" / "a.png", groups)
    (frame,) = IddLite(tmp_path)
    assert frame.outlier.tolist() == [[0, 0, 255, 0], [0, 0, 0, 255]]
    assert frame.labels is None
    write(tmp_path / "labels" / "a.png", np.full((2, 4), 7, np.uint8))
    with pytest.raises(OpenSetError, match=r"labels/a\.png holds the value 7"):
        IddLite(tmp_path)[0]


def test_a_part_can_be_left_for_validation(tmp_path):
    """Of 83 pictures 35 to 39 and 75 to 79: the last of every 40, so that drives stay apart."""
    for number in range(83):
        write(tmp_path / f"{number:03d}.png", np.zeros((2, 2, 3), np.uint8))
    names = {
        split: [int(frame.name) for frame in OrdinaryRoads(tmp_path, split)]
        for split in ("train", "val", None)
    }
    assert names["val"] == [*range(35, 40), *range(75, 80)]
    assert sorted(names["train"] + names["val"]) == names[None] == list(range(83))
    with pytest.raises(OpenSetError, match="there is no split 'test': choose train, val"):
        OrdinaryRoads(tmp_path, "test")


def test_real_roads(data_root):
    if not (data_root / "idd_lite").is_dir():
        pytest.skip("no IDD-Lite")
    idd, roads = IddLite(data_root / "idd_lite"), OrdinaryRoads(data_root / "roads_unlabelled")
    assert (len(idd), len(roads)) == (400, 357)
    assert idd[0].rgb.shape == (227, 320, 3)
    assert np.mean([(idd[i].outlier == 255).mean() for i in range(0, 400, 40)]) < 0.05
    assert roads[0].outlier.max() == 0
