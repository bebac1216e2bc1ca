"""Negatives by kind."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.imagenet_boxes import ImageNetBoxes
from ldn_openset_ros.data.negative_kinds import NEGATIVE_KINDS, open_negatives
from ldn_openset_ros.data.negatives import Box
from ldn_openset_ros.errors import OpenSetError


def write(path, shape=(2, 3, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ones(shape, np.uint8))


@pytest.fixture
def write_box():
    """Write the smallest tree of ImageNet boxes."""

    def write_tree(root):
        (root / "Data/CLS-LOC/train/n1").mkdir(parents=True)
        folder = root / "Annotations/CLS-LOC/train/n1"
        folder.mkdir(parents=True)
        (folder / "n1_1.xml").write_text("<annotation/>")
        return root

    return write_tree


def test_negatives_by_kind(tmp_path, write_box):
    assert NEGATIVE_KINDS == ("pictures", "localised", "masks", "imagenet_boxes", "ade20k")
    write(tmp_path / "pictures" / "a.png")
    assert open_negatives("pictures", tmp_path / "pictures")[0].box == Box(0, 0, 3, 2)
    write(tmp_path / "pictures" / "a.png", (20, 40, 3))
    assert open_negatives("pictures", tmp_path / "pictures", 0.5)[0].box == Box(10, 5, 30, 15)
    for part in ("images", "masks"):
        write(tmp_path / "masked" / part / "a.png", (2, 3, 3) if part == "images" else (2, 3))
    with pytest.raises(OpenSetError, match=r"masks/a\.png is empty"):
        open_negatives("masks", tmp_path / "masked")[0]
    assert len(open_negatives("masks", tmp_path / "masked", split="train")) == 1
    with pytest.raises(OpenSetError, match="1 pictures have no split val, which is the last 5"):
        open_negatives("masks", tmp_path / "masked", split="val")
    boxes = open_negatives("imagenet_boxes", write_box(tmp_path / "boxes"))
    assert type(boxes) is ImageNetBoxes
    assert len(boxes) == 1
    with pytest.raises(OpenSetError, match=r"no ADE20K at .*/images/ADE/training"):
        open_negatives("ade20k", tmp_path)
    with pytest.raises(OpenSetError, match="no negatives 'coco': choose pictures, localised"):
        open_negatives("coco", tmp_path)
