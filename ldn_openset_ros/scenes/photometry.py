"""From the painted scene to a camera's picture: lens blur, vignetting, tone curve, noise."""

from __future__ import annotations

import cv2
import numpy as np

_MARGIN = 64


class Sensor:
    """Lens and sensor of one camera."""

    def __init__(self, rng: np.random.Generator, width: int, height: int, noise: float) -> None:
        self._size = (width, height)
        self._blur = float(rng.uniform(0.45, 0.7)) * max(1.0, width / 800)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        reach = np.hypot((x - width / 2) / width, (y - height / 2) / width) / 0.6
        fall_off = 1 - float(rng.uniform(0.1, 0.26)) * reach**2
        self._vignette = cv2.merge([fall_off] * 3)
        grain = rng.standard_normal((height + _MARGIN, width + _MARGIN, 3), np.float32)
        self._grain = cv2.blur(grain, (2, 2)) * np.float32(2 * noise)
        # An S-shaped curve for contrast; the shoulder keeps bright walls below white.
        levels = np.arange(256) / 255
        curve = levels + 0.1 * np.sin(2 * np.pi * (levels - 0.5)) / np.pi * 1.2
        self._curve = np.clip(255 * curve / curve[-1], 0, 255).astype(np.uint8)

    def expose(self, rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the picture, uint8 (H, W, 3), that the camera takes of a scene.

        rgba: uint8 (H, W, 4), of which the last channel does not count.
        """
        width, height = self._size
        rgb = cv2.GaussianBlur(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), (5, 5), self._blur)
        top, left = (int(v) for v in rng.integers(0, _MARGIN, 2))
        values = cv2.multiply(rgb, self._vignette, dtype=cv2.CV_32F)
        values += self._grain[top : top + height, left : left + width]
        return cv2.LUT(cv2.convertScaleAbs(np.maximum(values, 0, out=values)), self._curve)
