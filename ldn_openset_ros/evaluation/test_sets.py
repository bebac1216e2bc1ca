"""Test sets by name: the readers' data sets and what is composed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.composers import PastedObjects, RoadsAndNegatives
from ldn_openset_ros.data.cut_outs import CutOuts
from ldn_openset_ros.data.registry import DATASET_NAMES, open_dataset
from ldn_openset_ros.data.sample import Sample


def camvid_horses(root: Path, split: str) -> Sequence[Sample]:
    """Compose CamVid with horses of 1 to 10 % of the picture pasted by mask."""
    return PastedObjects(CamVid(root / "camvid", split), CutOuts(root / "horses"))


def camvid_imagenet(root: Path, split: str) -> Sequence[Sample]:
    """Compose CamVid, all inlier, with the ImageNet samples' test pictures, all outlier."""
    return RoadsAndNegatives(CamVid(root / "camvid", split), root / "imagenet_samples" / "test")


COMPOSED: dict[str, Callable[[Path, str], Sequence[Sample]]] = {
    "camvid_horses": camvid_horses,
    "camvid_imagenet": camvid_imagenet,
}
TEST_SET_NAMES = (*DATASET_NAMES, *COMPOSED)


def open_test_set(name: str, root: Path, split: str | None = None) -> Sequence[Sample]:
    """Open a data set at `root`, or compose one from the data sets below `root`."""
    if name in COMPOSED:
        return COMPOSED[name](root, split or "test")
    return open_dataset(name, root, split)
