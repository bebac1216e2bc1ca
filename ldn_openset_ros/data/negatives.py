"""Noisy negatives: pictures of anything, taken as outliers (METHOD section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.pictures import list_pictures, read_rgb
from ldn_openset_ros.errors import OpenSetError


@dataclass(frozen=True)
class Box:
    """A pixel rectangle; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Negative:
    """A negative picture, uint8 (H, W, 3), and the box of its object.

    mask: bool (H, W), of the whole picture: where the object is, all of it inside `box`; None
    where only the box is known. background: bool (H, W), where it surely is not; None where
    that is not known.
    """

    name: str
    rgb: np.ndarray
    box: Box
    mask: np.ndarray | None = None
    background: np.ndarray | None = None


def central_box(height: int, width: int, extent: float) -> Box:
    """Return the box of `extent` times the height and the width in the picture's middle."""
    margin_x = round(width * (1 - extent) / 2)
    margin_y = round(height * (1 - extent) / 2)
    return Box(margin_x, margin_y, width - margin_x, height - margin_y)


def bounding_box(mask: np.ndarray) -> Box:
    """Return the smallest box around the pixels of a bool (H, W) mask, which has some."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


class NegativePictures(Sequence[Negative]):
    """A folder of photographs without annotations, such as one sample per ImageNet class.

    ImageNet's photographs centre their object, so the middle stands in for the bounding box of
    ImageNet-1k-bb: what surrounds it (grass, sky, road) is often no outlier.
    """

    def __init__(self, folder: Path, box_extent: float = 1.0) -> None:
        """`box_extent` in (0, 1]: the box's share of the height and of the width."""
        if not 0 < box_extent <= 1:
            raise OpenSetError(f"box_extent is {box_extent}: give a value above 0, at most 1")
        self._paths = list_pictures(folder)
        self._box_extent = box_extent
        if not self._paths:
            raise OpenSetError(f"{folder} holds no pictures: negatives are needed for training")

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Negative:
        path = self._paths[index]
        rgb = read_rgb(path)
        return Negative(path.stem, rgb, central_box(*rgb.shape[:2], self._box_extent))
