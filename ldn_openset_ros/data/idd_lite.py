"""IDD-Lite (Varma et al., WACV 2019): Indian roads with seven coarse groups of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldn_openset_ros.data.folder import pair_by_stem, read_mapped_truth, split_of
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.taxonomy import IGNORE_INDEX

LIVING_THING = 2
"""People, riders and animals in one, so neither inlier nor outlier."""
OUTLIER_TRUTH = dict.fromkeys(range(7), 0) | {
    LIVING_THING: IGNORE_INDEX,
    IGNORE_INDEX: IGNORE_INDEX,
}
"""Group id -> outlier truth."""


class IddLite(Sequence[Sample]):
    """Frames that are inliers, but for living things and void; no class is told.

    The groups are too coarse for the classes of any other road data set. Files:
    `<root>/{images,labels}` with equal stems, ids 0 to 6 and 255. split: train or val, a part of
    them; None = all.
    """

    def __init__(self, root: str | Path, split: str | None = None) -> None:
        pairs = pair_by_stem(Path(root) / "images", Path(root) / "labels")
        self._pairs = split_of(pairs, split)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its outlier truth."""
        picture, groups = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        return Sample(picture.stem, rgb, outlier=read_mapped_truth(groups, rgb, OUTLIER_TRUTH))
