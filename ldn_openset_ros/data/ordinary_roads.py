"""Ordinary drives without any label: whatever they show is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.folder import list_distinct_pictures, split_of
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample


class OrdinaryRoads(Sequence[Sample]):
    """The pictures directly in a folder, by name, every pixel an inlier; no class is told.

    split: train or val, a part of them; None = all.
    """

    def __init__(self, root: str | Path, split: str | None = None) -> None:
        self._paths = split_of(list_distinct_pictures(Path(root)), split)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture."""
        path = self._paths[index]
        rgb = read_rgb(path)
        return Sample(path.stem, rgb, outlier=np.zeros(rgb.shape[:2], np.uint8))
