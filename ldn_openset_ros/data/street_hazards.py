"""StreetHazards (Hendrycks et al., ICML 2022): rendered towns, anomalies in the test split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldn_openset_ros.data.folder import read_mapped_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, load_taxonomy

FOLDERS = {
    "train": ("train", "training"),
    "val": ("train", "validation"),
    "test": ("test", "test"),
}

OTHER = 4
ANOMALY = 14
_LABELS = {1: 0, 2: 1, 3: 2, OTHER: IGNORE_INDEX} | {
    value: value - 2 for value in range(5, ANOMALY)
}
_CLOSED_SET = _LABELS | {ANOMALY: IGNORE_INDEX}
_OUTLIERS = {value: 0 for value in _LABELS} | {OTHER: IGNORE_INDEX, ANOMALY: 1}


class StreetHazards(Sequence[Sample]):
    """Rendered frames of 1280x720 with 12 classes (`street_hazards` taxonomy).

    The published layout: `train/{images,annotations}/{training,validation}/<town>/<frame>.png`
    and `test/{images,annotations}/test/<town>/<frame>.png`; the .odgt lists beside them name the
    same files. Maps hold 1 background (the sky among it), 2 building, 3 fence, 4 other,
    5 pedestrian, 6 pole, 7 road line, 8 road, 9 sidewalk, 10 vegetation, 11 car, 12 wall,
    13 traffic sign and, in `test` alone, 14 anomaly.

    Labels: the 12 classes of the publication, background included; other and anomaly become 255.
    Outlier truth, in `test`: 1 on anomalies, 255 on other, which no class was trained for,
    0 elsewhere.

    root: folder that holds `train/` and `test/`. split: train (5125 frames), val (1031) or
    test (1500).
    """

    def __init__(self, root: str | Path, split: str) -> None:
        self.taxonomy = load_taxonomy("street_hazards")
        if split not in FOLDERS:
            raise OpenSetError(
                f"street_hazards has no split {split!r}: choose {', '.join(FOLDERS)}"
            )
        package, part = FOLDERS[split]
        folder = Path(root) / package
        remedy = (
            f"unpack streethazards_{package}.tar of https://github.com/hendrycks/anomaly-seg into "
            f"{folder}"
        )
        truths = sorted((folder / "annotations" / part).glob("*/*.png"))
        if not truths:
            raise OpenSetError(
                f"no StreetHazards at {folder / 'annotations' / part}: it holds no "
                f"<town>/*.png; {remedy}"
            )
        images = folder / "images" / part
        self._pairs = [(images / truth.parent.name / truth.name, truth) for truth in truths]
        for picture, truth in self._pairs:
            if not picture.is_file():
                raise OpenSetError(f"{truth} has no picture {picture}: {remedy}")
        self._has_anomalies = split == "test"

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame, its labels and, in the test split, its outlier truth."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        name = f"{picture.parent.name}_{picture.stem}"
        if not self._has_anomalies:
            return Sample(name, rgb, labels=read_mapped_truth(truth, rgb, _LABELS))
        labels = read_mapped_truth(truth, rgb, _CLOSED_SET)
        return Sample(name, rgb, labels, read_mapped_truth(truth, rgb, _OUTLIERS))
