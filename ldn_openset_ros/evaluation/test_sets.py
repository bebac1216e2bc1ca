"""Test sets by name: the readers' data sets and what is composed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.composers import PastedObjects, RoadsAndNegatives
from ldn_openset_ros.data.cut_outs import CutOuts
from ldn_openset_ros.data.lsun import list_lsun
from ldn_openset_ros.data.pascal_voc import PascalVoc
from ldn_openset_ros.data.pasting import ShareSettings
from ldn_openset_ros.data.pictures import list_pictures
from ldn_openset_ros.data.registry import DATASET_NAMES, open_dataset
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError

Composer = Callable[[Path, str | None, int], Sequence[Sample]]
"""Composes a test set from the data root, the split and the number of the draw."""

MINIMUM_SHARE = 0.01
"""WD-Pascal's smallest animal, as a share of the picture."""


SMALL_SHARE = ShareSettings("log_uniform", 0.001, 0.1)
"""The range of the paper's RSP, small outliers as often as large ones."""


def camvid_horses(root: Path, split: str | None, assay: int) -> Sequence[Sample]:
    """Compose CamVid with horses of 1 to 10 % of the picture pasted by mask."""
    roads = CamVid(root / "camvid", split or "test")
    return PastedObjects(roads, CutOuts(root / "horses"), seed=assay)


def camvid_small_horses(root: Path, split: str | None, assay: int) -> Sequence[Sample]:
    """Compose CamVid with horses of 0.1 to 10 % of the picture pasted by mask."""
    roads = CamVid(root / "camvid", split or "test")
    return PastedObjects(roads, CutOuts(root / "horses"), assay, SMALL_SHARE)


def camvid_imagenet(root: Path, split: str | None, assay: int) -> Sequence[Sample]:
    """Compose CamVid, all inlier, with the ImageNet samples' test pictures, all outlier."""
    roads = CamVid(root / "camvid", split or "test")
    negatives = list_pictures(root / "imagenet_samples" / "test")
    return RoadsAndNegatives(roads, negatives, seed=assay)


def with_ecssd(dataset: str, folder: str) -> Composer:
    """Return how to compose roads with held-out objects of ECSSD, to choose and calibrate on."""

    def compose(root: Path, split: str | None, assay: int) -> Sequence[Sample]:
        roads = open_dataset(dataset, root / folder, split or "val")
        return PastedObjects(roads, CutOuts(root / "ecssd", "val"), assay, SMALL_SHARE)

    return compose


def wd_pascal(root: Path, split: str | None, assay: int) -> Sequence[Sample]:
    """Compose WildDash 1 with Pascal VOC's animals of at least 1 %, in their own size."""
    roads = open_dataset("wilddash1", root / "wilddash1", split)
    height, width = roads[0].rgb.shape[:2]
    minimum_area = int(np.ceil(MINIMUM_SHARE * height * width))
    animals = PascalVoc(root / "pascal_voc", minimum_area=minimum_area)
    return PastedObjects(roads, animals, seed=assay, share=None)


def wd_lsun(root: Path, split: str | None, assay: int) -> Sequence[Sample]:
    """Compose WildDash 1, all inlier, with as many pixels of LSUN, all outlier."""
    roads = open_dataset("wilddash1", root / "wilddash1", split)
    return RoadsAndNegatives(roads, list_lsun(root / "lsun"), seed=assay)


COMPOSED: dict[str, Composer] = {
    "camvid_horses": camvid_horses,
    "camvid_small_horses": camvid_small_horses,
    "camvid_imagenet": camvid_imagenet,
    "cityscapes_ecssd": with_ecssd("cityscapes_squashed", "cityscapes_squashed"),
    "camvid_ecssd": with_ecssd("camvid", "camvid"),
    "idd_ecssd": with_ecssd("idd_lite", "idd_lite"),
    "roads_ecssd": with_ecssd("roads", "roads_unlabelled"),
    "wd_pascal": wd_pascal,
    "wd_lsun": wd_lsun,
}
TEST_SET_NAMES = (*DATASET_NAMES, *COMPOSED)


def open_test_set(
    name: str,
    root: Path,
    split: str | None = None,
    assay: int = 0,
    outlier_value: int | None = None,
) -> Sequence[Sample]:
    """Open a data set at `root`, or compose one from the data sets below `root`.

    assay: number of the draw, from 0, of a composed test set; METHOD reports the mean and the
        standard deviation over 50 of them. A data set as it is has assay 0 alone.
    outlier_value: of the masks of a `folder`, see PictureFolder.
    """
    if assay < 0:
        raise OpenSetError(f"assay is {assay}: give 0 or more")
    if name in COMPOSED:
        if outlier_value is not None:
            raise OpenSetError(f"{name} has an encoding of its own: leave --outlier-value out")
        return COMPOSED[name](root, split, assay)
    if assay:
        raise OpenSetError(f"{name} is not drawn at random: leave assay {assay} out")
    return open_dataset(name, root, split, outlier_value=outlier_value)
