"""Test sets composed of road scenes and objects: WD-Pascal and WD-LSUN (METHOD section 4).

All draws come from the seed and the item's number: the same settings give the same pictures, and
assay n is the test set of seed base + n.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ldn_openset_ros.data.cut_outs import CutOut
from ldn_openset_ros.data.pasting import ShareSettings, draw_share, inlier_truth, paste, paste_size
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy

PASTED_SHARE = ShareSettings("log_uniform", 0.01, 0.1)
"""Objects of 1 to 10 % of the picture (fewer pixels where their box would not fit): WD-Pascal's
lower bound, the paper's RSP upper bound."""


class PastedObjects(Sequence[Sample]):
    """Every road scene with one object pasted by its mask at a random place: WD-Pascal's rule.

    share: the object's share of the picture; None pastes it in its own size, as WD-Pascal does
        (shrunk where it would not fit), so `objects` are then large enough themselves.
    """

    def __init__(
        self,
        roads: Sequence[Sample],
        objects: Sequence[CutOut],
        seed: int = 0,
        share: ShareSettings | None = PASTED_SHARE,
    ) -> None:
        self._roads = roads
        self._objects = objects
        self._seed = seed
        self._share = share

    @property
    def taxonomy(self) -> Taxonomy | None:
        """Classes of the labels; None where the road scenes do not tell."""
        return getattr(self._roads, "taxonomy", None)

    def __len__(self) -> int:
        return len(self._roads)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        rng = np.random.default_rng((self._seed, index))
        scene = self._roads[index]
        cut_out = self._objects[int(rng.integers(len(self._objects)))]
        height, width = self._paste_size(cut_out, scene, rng)
        rgb = cv2.resize(cut_out.rgb, (width, height), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(
            cut_out.mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        top = int(rng.integers(scene.rgb.shape[0] - height + 1))
        left = int(rng.integers(scene.rgb.shape[1] - width + 1))
        return paste(
            scene, rgb, mask.astype(np.float32), top, left, f"{scene.name}_{cut_out.name}"
        )

    def _paste_size(
        self, cut_out: CutOut, scene: Sample, rng: np.random.Generator
    ) -> tuple[int, int]:
        size, picture = cut_out.mask.shape, scene.rgb.shape[:2]
        if self._share is None:
            return paste_size(size, picture, size[0] * size[1] / (picture[0] * picture[1]))
        # The share is the object's own, not that of the box around it.
        return paste_size(size, picture, draw_share(rng, self._share) / cut_out.mask.mean())


class RoadsAndNegatives(Sequence[Sample]):
    """Whole road scenes, all inlier, then whole negatives, all outlier: WD-LSUN's rule.

    There are exactly as many outlier as inlier pixels: negatives are drawn by the seed, none
    twice, until they match the inlier pixels of the scenes, and of the last one only the top rows
    count, the rest is 255. Where there are too few negatives, all are taken. To count, opening
    reads every road scene once.

    The negatives, read when asked for, are cut to the shape of the first road scene and resized
    to its size.
    """

    def __init__(self, roads: Sequence[Sample], negatives: Sequence[Path], seed: int = 0) -> None:
        if not negatives:
            raise OpenSetError("no negatives to set against the road scenes: give some pictures")
        self._roads = roads
        inliers = 0
        for index in range(len(roads)):
            scene = roads[index]
            inliers += int(np.count_nonzero(_road_truth(scene) == 0))
            if index == 0:
                self._size = scene.rgb.shape[:2]
        area = self._size[0] * self._size[1]
        count = min(len(negatives), -(-inliers // area))
        order = np.random.default_rng(seed).permutation(len(negatives))[:count]
        self._negatives = [negatives[int(i)] for i in sorted(order)]
        self._last_pixels = min(area, inliers - (count - 1) * area)

    @property
    def taxonomy(self) -> Taxonomy | None:
        """Classes of the labels; None where the road scenes do not tell."""
        return getattr(self._roads, "taxonomy", None)

    def __len__(self) -> int:
        return len(self._roads) + len(self._negatives)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        if index < len(self._roads):
            scene = self._roads[index]
            return Sample(scene.name, scene.rgb, scene.labels, _road_truth(scene))
        path = self._negatives[index - len(self._roads)]
        rgb = cover(read_rgb(path), self._size)
        labels = np.full(self._size, IGNORE_INDEX, np.uint8)
        outlier = np.ones(self._size, np.uint8)
        if index == len(self) - 1:
            outlier.ravel()[self._last_pixels :] = IGNORE_INDEX
        return Sample(path.stem, rgb, labels, outlier)


def _road_truth(scene: Sample) -> np.ndarray:
    return inlier_truth(scene) if scene.outlier is None else scene.outlier


def cover(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut the largest central window of the shape of `size` = (H, W) and resize it to `size`."""
    height, width = rgb.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows, columns = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    window = np.ascontiguousarray(rgb[top : top + rows, left : left + columns])
    interpolation = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return cv2.resize(window, size[::-1], interpolation=interpolation)
