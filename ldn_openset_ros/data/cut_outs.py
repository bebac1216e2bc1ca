"""Objects with pixel masks, such as the Weizmann horses, for pasting by mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.folder import pair_by_stem, split_of
from ldn_openset_ros.data.negatives import Negative, bounding_box
from ldn_openset_ros.data.pictures import read_label_map, read_rgb
from ldn_openset_ros.errors import OpenSetError


@dataclass(frozen=True)
class CutOut:
    """An object cut to its bounds: uint8 (h, w, 3) RGB and bool (h, w) mask."""

    name: str
    rgb: np.ndarray
    mask: np.ndarray


class CutOuts(Sequence[CutOut]):
    """A folder `images/` of pictures with `masks/` of the same names, 0 or 255.

    split: train or val, a part of them; None = all.
    """

    def __init__(self, root: Path, split: str | None = None) -> None:
        self._pairs = split_of(pair_by_stem(root / "images", root / "masks"), split)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> CutOut:
        picture, mask = self._pairs[index]
        return cut_out(picture.stem, *read_object(picture, mask))


class MaskedNegatives(Sequence[Negative]):
    """The same folder as negatives: objects with exact masks, all around them is background."""

    def __init__(self, root: Path, split: str | None = None) -> None:
        self._pairs = split_of(pair_by_stem(root / "images", root / "masks"), split)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Negative:
        picture, mask_path = self._pairs[index]
        rgb, mask = read_object(picture, mask_path)
        return Negative(picture.stem, rgb, bounding_box(mask), mask, ~mask)


def read_object(picture: Path, mask_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a picture, uint8 (H, W, 3), and the mask of its object, bool (H, W), never empty."""
    rgb = read_rgb(picture, upright=False)
    mask = read_label_map(mask_path) >= 128
    if mask.shape != rgb.shape[:2] or not mask.any():
        raise OpenSetError(f"{mask_path} is empty or not of its picture's size: replace it")
    return rgb, mask


def cut_out(name: str, rgb: np.ndarray, mask: np.ndarray) -> CutOut:
    """Cut an object out of its picture; `mask`, bool (H, W), has at least one pixel."""
    box = bounding_box(mask)
    window = np.s_[box.top : box.bottom, box.left : box.right]
    return CutOut(name, rgb[window], mask[window])
