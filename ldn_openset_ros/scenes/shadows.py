"""Shadows on the ground: what the sun's rays miss, and the gloom beneath things."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import NEAREST, View
from ldn_openset_ros.scenes.items import Flat, Item
from ldn_openset_ros.scenes.light import Light

_LONGEST = 2.6
"""Cap of a shadow's length per metre of height, so that a low sun darkens no whole drive."""
_CONTACT = 110
_FAINTEST = 12
"""Shadows that take away fewer of 255 parts are not drawn."""


class Shadows:
    """The shadows of a drive under one light."""

    def __init__(self, light: Light) -> None:
        self._depth = round(255 * light.shadow * 0.92)
        fall = light.sun[[0, 2]] / max(float(light.sun[1]), 1e-3)
        self._fall = fall * min(1.0, _LONGEST / max(float(np.linalg.norm(fall)), 1e-6))
        # What stands keeps its shadow from frame to frame.
        self._outlines = lru_cache(maxsize=1024)(self._find_outlines)

    def map(self, view: View, items: Sequence[Item]) -> np.ndarray:
        """Return the share of the ground's light that is taken away, uint8 (H, W), 255 = all."""
        camera = view.camera
        shade = np.zeros((camera.height, camera.width), np.uint8)
        outlines = [outline for item in items for outline in self._outlines(item)]
        if not outlines:
            return shade
        # Contact shadows are the darker ones and come last.
        outlines.sort(key=lambda outline: outline[1])
        pixels, depth = view.project(np.concatenate([points for points, _ in outlines]))
        fixed = (pixels.clip(-4000, 4000) * 8).astype(np.int32)
        ahead = depth > NEAREST
        start = 0
        for points, strength in outlines:
            part = slice(start, start + len(points))
            start += len(points)
            polygon = fixed[part] if ahead[part].all() else fixed[part][ahead[part]]
            if len(polygon) > 2:
                cv2.fillConvexPoly(shade, polygon, strength, cv2.LINE_AA, 3)
        return cv2.blur(shade, (5, 3))

    def _find_outlines(self, item: Item) -> list[tuple[np.ndarray, int]]:
        """Return the outlines on the ground (N, 3) of an item's shadows, and their strengths."""
        outlines = []
        points = np.asarray(item.silhouette, float)
        if len(points) and self._depth >= _FAINTEST:
            across = points[:, 0] - points[:, 1] * self._fall[0]
            along = points[:, 2] - points[:, 1] * self._fall[1]
            flat = np.stack((across, along), 1)
            # Single precision is too coarse far down the road, so the hull is taken near zero.
            origin = flat[0].copy()
            hull = cv2.convexHull((flat - origin).astype(np.float32))[:, 0] + origin
            dense = (
                0.65 if isinstance(item, Flat) and item.foot else 1.0
            )  # light falls through leaves
            outlines.append((_on_ground(hull), round(self._depth * dense)))
        if item.footprint is not None:
            low, high = item.footprint
            square = np.array(
                ((low[0], low[2]), (high[0], low[2]), (high[0], high[2]), (low[0], high[2]))
            )
            outlines.append((_on_ground(square), _CONTACT))
        return outlines


def _on_ground(points: np.ndarray) -> np.ndarray:
    return np.stack((points[:, 0], np.zeros(len(points)), points[:, 1]), 1)
