"""Test sets composed of road scenes and objects, after WD-Pascal and WD-LSUN (METHOD section 4).

All draws come from the seed and the item's number: the same settings give the same pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ldn_openset_ros.data.cut_outs import CutOut
from ldn_openset_ros.data.pasting import ShareSettings, draw_share, inlier_truth, paste, paste_size
from ldn_openset_ros.data.pictures import list_pictures, read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX

PASTED_SHARE = ShareSettings("log_uniform", 0.01, 0.1)
"""Objects of 1 to 10 % of the picture (fewer pixels where their box would not fit): WD-Pascal's
lower bound, the paper's RSP upper bound."""


class PastedObjects(Sequence[Sample]):
    """Every road scene with one object pasted by its mask: WD-Pascal's rule."""

    def __init__(
        self,
        roads: Sequence[Sample],
        objects: Sequence[CutOut],
        seed: int = 0,
        share: ShareSettings = PASTED_SHARE,
    ) -> None:
        self._roads = roads
        self._objects = objects
        self._seed = seed
        self._share = share

    def __len__(self) -> int:
        return len(self._roads)

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, index))
        scene = self._roads[index]
        cut_out = self._objects[int(rng.integers(len(self._objects)))]
        # The share is the object's own, not that of the box around it.
        share = draw_share(rng, self._share) / cut_out.mask.mean()
        height, width = paste_size(cut_out.mask.shape, scene.rgb.shape[:2], share)
        rgb = cv2.resize(cut_out.rgb, (width, height), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(
            cut_out.mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        top = int(rng.integers(scene.rgb.shape[0] - height + 1))
        left = int(rng.integers(scene.rgb.shape[1] - width + 1))
        return paste(
            scene, rgb, mask.astype(np.float32), top, left, f"{scene.name}_{cut_out.name}"
        )


class RoadsAndNegatives(Sequence[Sample]):
    """Whole road scenes, all inlier, then whole negatives, all outlier: WD-LSUN's rule.

    The negatives are cut to the shape of the road scenes and resized to their size, so both kinds
    bring about as many pixels as there are pictures of them.
    """

    def __init__(self, roads: Sequence[Sample], negatives: Path) -> None:
        self._roads = roads
        self._negatives = list_pictures(negatives)
        if not self._negatives:
            raise OpenSetError(f"{negatives} holds no pictures: give a folder of negatives")
        self._size = roads[0].rgb.shape[:2]

    def __len__(self) -> int:
        return len(self._roads) + len(self._negatives)

    def __getitem__(self, index: int) -> Sample:
        if index < len(self._roads):
            scene = self._roads[index]
            return Sample(scene.name, scene.rgb, scene.labels, inlier_truth(scene))
        path = self._negatives[index - len(self._roads)]
        rgb = cover(read_rgb(path), self._size)
        labels = np.full(self._size, IGNORE_INDEX, np.uint8)
        return Sample(path.stem, rgb, labels, np.ones(self._size, np.uint8))


def cover(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut the largest central window of the shape of `size` = (H, W) and resize it to `size`."""
    height, width = rgb.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows, columns = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    window = np.ascontiguousarray(rgb[top : top + rows, left : left + columns])
    interpolation = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(window, size[::-1], interpolation=interpolation)
