"""The picture and its truth, painted together from back to front."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.taxonomy import IGNORE_INDEX

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)
"""Train ids of the `camvid` taxonomy."""

OUTLIER = IGNORE_INDEX
"""Label of what lies outside the taxonomy; the outlier map tells it from void."""


class Canvas:
    """Buffers of one frame: `rgba` uint8 (H, W, 4), its last channel unused, `labels` (H, W).

    Four channels spare patches, which carry their coverage in the fourth, a repacking each.
    """

    def __init__(self, width: int, height: int) -> None:
        self.rgba = np.zeros((height, width, 4), np.uint8)
        self.labels = np.zeros((height, width), np.uint8)

    @property
    def outlier(self) -> np.ndarray:
        """Truth of the outlier map, uint8 0 or 1: what was painted with the label OUTLIER."""
        return (self.labels == OUTLIER).astype(np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.rgba.shape[1], self.rgba.shape[0]

    def clip(self, left: float, top: float, right: float, bottom: float):
        """Return integer bounds (left, top, right, bottom) inside the picture, None if empty."""
        width, height = self.size
        x0, y0 = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
        x1, y1 = min(int(np.ceil(right)), width), min(int(np.ceil(bottom)), height)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def blend(
        self,
        left: int,
        top: int,
        patch: np.ndarray,
        label: int,
        extent: np.ndarray | None = None,
    ) -> None:
        """Lay a patch over the picture; it must lie inside.

        patch: uint8 (h, w, 4), colours and coverage.
        extent: uint8 (h, w), from 128 on the patch owns the label; None = the coverage.
        """
        window = np.s_[top : top + patch.shape[0], left : left + patch.shape[1]]
        cover = cv2.extractChannel(patch, 3)
        weight = cover * np.float32(1 / 255)
        self.rgba[window] = cv2.blendLinear(self.rgba[window], patch, 1 - weight, weight)
        self.labels[window][(cover if extent is None else extent) > 127] = label
