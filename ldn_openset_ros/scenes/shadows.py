"""Shadows on the ground: what the sun's rays miss, and the gloom beneath things."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import NEAREST, View
from ldn_openset_ros.scenes.light import Light

_LONGEST = 2.6
"""Cap of a shadow's length per metre of height, so that a low sun darkens no whole drive."""
_CONTACT = 120


class ShadowMap:
    """Share of the ground's light that is taken away, uint8 (H, W), 255 = all of it."""

    def __init__(self, view: View, light: Light) -> None:
        self._view = view
        self._depth = round(255 * light.shadow * 0.92)
        fall = light.sun[[0, 2]] / max(float(light.sun[1]), 1e-3)
        length = float(np.linalg.norm(fall))
        self._fall = fall * min(1.0, _LONGEST / max(length, 1e-6))
        camera = view.camera
        self._map = np.zeros((camera.height, camera.width), np.uint8)

    def cast(self, points: np.ndarray) -> None:
        """Darken the hull of the shadow that street points (N, 3) throw along the sun's rays."""
        if self._depth < 12:
            return
        points = np.asarray(points, float)
        on_ground = np.zeros_like(points)
        on_ground[:, 0] = points[:, 0] - points[:, 1] * self._fall[0]
        on_ground[:, 2] = points[:, 2] - points[:, 1] * self._fall[1]
        self._fill(on_ground, self._depth)

    def touch(self, low: np.ndarray, high: np.ndarray) -> None:
        """Darken the footprint of a thing between street points `low` and `high`."""
        x0, x1, s0, s1 = low[0], high[0], low[2], high[2]
        self._fill(np.array(((x0, 0, s0), (x1, 0, s0), (x1, 0, s1), (x0, 0, s1))), _CONTACT)

    def finished(self) -> np.ndarray:
        """Return the map with soft edges."""
        return cv2.blur(self._map, (5, 3))

    def _fill(self, points: np.ndarray, depth: int) -> None:
        pixels, ahead = self._view.project(points)
        pixels = pixels[ahead > NEAREST]
        if len(pixels) < 3:
            return
        hull = cv2.convexHull((pixels.clip(-4000, 4000) * 8).astype(np.int32))
        cv2.fillConvexPoly(self._map, hull, depth, cv2.LINE_AA, 3)
