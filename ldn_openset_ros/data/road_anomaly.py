"""RoadAnomaly (Lis, Nakka, Fua and Salzmann, ICCV 2019): real anomalies on real roads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldn_openset_ros.data.folder import pair_by_stem, read_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError


class RoadAnomaly(Sequence[Sample]):
    """Photographs with outlier truth: `<root>/{images,labels}`, equal stems.

    The maps hold 0 inlier and 1 anomaly; every pixel counts. The data set has no splits.
    """

    def __init__(self, root: str | Path, split: str | None = None) -> None:
        if split is not None:
            raise OpenSetError(f"road_anomaly has no splits: leave {split!r} out")
        root = Path(root)
        for part in ("images", "labels"):
            if not (root / part).is_dir():
                raise OpenSetError(
                    f"no RoadAnomaly at {root / part}: give the folder that holds images/ and "
                    "labels/; the data set is at "
                    "https://www.epfl.ch/labs/cvlab/data/road-anomaly/"
                )
        self._pairs = pair_by_stem(root / "images", root / "labels")

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one photograph and its truth."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture)
        return Sample(picture.stem, rgb, outlier=read_truth(truth, rgb, (0, 1)))
