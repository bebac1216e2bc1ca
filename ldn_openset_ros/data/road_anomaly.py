"""RoadAnomaly (Lis, Nakka, Fua and Salzmann, ICCV 2019): real anomalies on real roads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.folder import list_distinct_pictures, pair_by_stem, read_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError


class RoadAnomaly(Sequence[Sample]):
    """Photographs with outlier truth, in the published layout or as pairs of files.

    Published: `<root>/frames/<name>.jpg` with the map `<root>/frames/<name>.labels/
    labels_semantic.png`: 0 background, 1 road, 2 anomaly.
    Pairs: `<root>/{images,labels}` with equal stems: 0 inlier, 1 anomaly.

    Every pixel counts: the truth holds no 255. The data set has no splits.
    """

    def __init__(self, root: str | Path) -> None:
        root = Path(root)
        if (root / "frames").is_dir():
            self._anomaly = 2
            self._pairs = _published_pairs(root / "frames")
        elif (root / "images").is_dir() and (root / "labels").is_dir():
            self._anomaly = 1
            self._pairs = pair_by_stem(root / "images", root / "labels")
        else:
            raise OpenSetError(
                f"no RoadAnomaly at {root}: give the folder that holds frames/, or images/ and "
                "labels/; the data set is at https://www.epfl.ch/labs/cvlab/data/road-anomaly/"
            )

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one photograph and its truth."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        labels = read_truth(truth, rgb, range(self._anomaly + 1))
        return Sample(picture.stem, rgb, outlier=(labels == self._anomaly).astype(np.uint8))


def _published_pairs(frames: Path) -> list[tuple[Path, Path]]:
    pairs = []
    for picture in list_distinct_pictures(frames):
        truth = picture.with_suffix(".labels") / "labels_semantic.png"
        if not truth.is_file():
            raise OpenSetError(f"{picture} has no truth at {truth}: unpack the data set again")
        pairs.append((picture, truth))
    return pairs
