"""SegmentMeIfYouCan (Chan et al., NeurIPS 2021): RoadAnomaly21 and RoadObstacle21."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ldn_openset_ros.data.folder import OUTLIER_TRUTH, list_distinct_pictures, read_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError

FOLDERS = {"anomaly": "dataset_AnomalyTrack", "obstacle": "dataset_ObstacleTrack"}
SPLITS = ("validation", "test")

_VALIDATION = "validation"
# The benchmark's own code leaves these out: validation frames that it does not count, and night
# and snow, which are tracks of their own.
_LEFT_OUT = {
    "anomaly": (),
    "obstacle": (
        "validation_19",
        *(f"validation_{number}" for number in range(21, 30)),
        "driveway_",
        "snowstorm1_",
        "snowstorm2_",
    ),
}


class SegmentMeIfYouCan(Sequence[Sample]):
    """Photographs with outlier truth of one track.

    The published layout: `images/<name>.{jpg,webp}` with `labels_masks/<name>_labels_semantic.png`
    (0 inlier, 1 outlier, 255 void; in the obstacle track, all but the road is void).

    Splits: `validation` are the frames named so (10 of the anomaly track, 30 of the obstacle
    track), each of which must have its mask; `test` are the others (100 and 327), whose masks are
    not public: their truth is None unless a mask is there. The obstacle track's frames of night
    and snow, and the validation frames the benchmark leaves out, are left out here as well.

    root: the track's folder, or the one above it (`dataset_AnomalyTrack/`,
    `dataset_ObstacleTrack/`).
    """

    def __init__(
        self, root: str | Path, track: Literal["anomaly", "obstacle"], split: str
    ) -> None:
        if track not in FOLDERS:
            raise OpenSetError(
                f"SegmentMeIfYouCan has no track {track!r}: choose {', '.join(FOLDERS)}"
            )
        if split not in SPLITS:
            raise OpenSetError(f"smiyc_{track} has no split {split!r}: choose {', '.join(SPLITS)}")
        root = Path(root)
        folder = root / FOLDERS[track] if (root / FOLDERS[track]).is_dir() else root
        remedy = f"unpack {FOLDERS[track]}.zip of https://segmentmeifyoucan.com/datasets"
        for part in ("images", "labels_masks"):
            if not (folder / part).is_dir():
                raise OpenSetError(f"no SegmentMeIfYouCan at {folder / part}: {remedy}")
        self._frames = []
        for picture in list_distinct_pictures(folder / "images"):
            is_validation = picture.stem.startswith(_VALIDATION)
            if is_validation != (split == _VALIDATION) or picture.stem.startswith(
                _LEFT_OUT[track]
            ):
                continue
            truth = folder / "labels_masks" / f"{picture.stem}_labels_semantic.png"
            if is_validation and not truth.is_file():
                raise OpenSetError(f"{picture} has no truth at {truth}: {remedy}")
            self._frames.append((picture, truth if truth.is_file() else None))
        if not self._frames:
            raise OpenSetError(f"{folder / 'images'} holds no {split} frames: {remedy}")

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Read one photograph and, where it is known, its outlier truth."""
        picture, truth = self._frames[index]
        rgb = read_rgb(picture, upright=False)
        outlier = None if truth is None else read_truth(truth, rgb, OUTLIER_TRUTH)
        return Sample(picture.stem, rgb, outlier=outlier)
