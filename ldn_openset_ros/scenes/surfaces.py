"""Flat pictures in space: walls, roofs, fences, sign plates and the sprites of trees."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.canvas import Canvas
from ldn_openset_ros.scenes.light import Light

_AIR_STEPS = 40
"""Steps of the haze: few enough to reuse textures, too fine to be seen."""
_THINNEST = 0.4
"""Surfaces of fewer pixels across or up are left out."""
_NEAR = 1.2
"""Depth in metres at which surfaces that reach past the camera are cut off."""


class Texture:
    """Colours of a surface, kept at all the sizes it is seen in.

    rgba: uint8 (h, w, 4), albedo and coverage. extent: uint8 (h, w), 255 where the surface owns
    the label though it may be see-through there (a fence, a bare crown); None = its coverage.
    """

    def __init__(self, rgba: np.ndarray, extent: np.ndarray | None = None) -> None:
        self.rgba = rgba
        self.extent = extent
        self._levels: dict[tuple[int, int], tuple[np.ndarray, np.ndarray | None]] = {}

    def level(self, width: float, height: float) -> tuple[int, int]:
        """Return how often to halve width and height for the size seen, in pixels."""
        full_height, full_width = self.rgba.shape[:2]
        return (
            max(0, int(math.log2(full_width / max(width, 1.0)) + 0.25)),
            max(0, int(math.log2(full_height / max(height, 1.0)) + 0.25)),
        )

    def pixels(self, level: tuple[int, int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return colours and extent at a level.

        A transparent frame of one pixel in the border's own colours lies around both: there the
        surface ends.
        """
        if level not in self._levels:
            height, width = self.rgba.shape[:2]
            size = (max(1, round(width / 2 ** level[0])), max(1, round(height / 2 ** level[1])))
            extent = None if self.extent is None else _framed(self.extent, size)
            self._levels[level] = (_framed(self.rgba, size), extent)
        return self._levels[level]


def _framed(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cover = framed[..., 3] if pixels.ndim == 3 else framed
    cover[[0, -1]] = 0
    cover[:, [0, -1]] = 0
    return framed


def cut_out(rgba: np.ndarray, extent: np.ndarray | None = None) -> Texture:
    """Return a texture whose empty pixels have the colour of the others: no dark fringes."""
    empty = rgba[..., 3] == 0
    filled = rgba.copy()
    filled[empty, :3] = rgba[~empty, :3].mean(0)
    return Texture(filled, extent)


def opaque(rgb: np.ndarray) -> Texture:
    """Return the texture of a solid surface from colours (h, w, 3), 0..255."""
    rgba = np.full((*rgb.shape[:2], 4), 255, np.uint8)
    rgba[..., :3] = np.clip(rgb, 0, 255)
    return Texture(rgba)


Normal = tuple[float, float, float] | None
"""Unit normal of a surface; None = foliage, which scatters light whatever way it faces."""


class Lamp:
    """Textures under the light of a drive; the same few are seen in frame after frame."""

    def __init__(self, light: Light) -> None:
        self._light = light
        self._lit = lru_cache(maxsize=1024)(self._light_up)

    def lit(
        self, texture: Texture, level: tuple[int, int], normal: Normal, depth: float
    ) -> np.ndarray:
        """Return a texture's colours as they reach the camera from `depth` metres."""
        through = float(self._light.transmission(depth))
        return self._lit(texture, level, normal, round(through * _AIR_STEPS))

    def _light_up(
        self, texture: Texture, level: tuple[int, int], normal: Normal, air: int
    ) -> np.ndarray:
        light, through = self._light, air / _AIR_STEPS
        if normal is None:
            lighting = 0.45 * light.sun_colour + 0.8 * light.sky_colour
        else:
            lighting = light.illuminate(np.array([normal]))[0]
        matrix = np.zeros((4, 5))
        matrix[(0, 1, 2), (0, 1, 2)] = lighting * (light.exposure * through)
        matrix[:3, 4] = light.haze * (light.exposure * (1 - through))
        matrix[3, 3] = 1
        return cv2.transform(texture.pixels(level)[0], matrix)


class SurfaceBatch:
    """Flat things of one frame, projected together."""

    def __init__(self, view: View, corners: np.ndarray) -> None:
        """corners: street coordinates (N, 4, 3): top left, top right, bottom right and left."""
        corners, self._shares = _clip_near(view, corners)
        pixels, depth = view.project(corners.reshape(-1, 3))
        self._pixels = pixels.reshape(-1, 4, 2)
        self._depth = depth.reshape(-1, 4).mean(1)
        low, high = self._pixels.min(1), self._pixels.max(1)
        camera = view.camera
        large = ((high - low) > _THINNEST).all(1)
        inside = large & (high > 0).all(1) & (low < (camera.width, camera.height)).all(1)
        self.visible = inside & (self._shares[:, 0] < self._shares[:, 1])
        self._bounds = np.concatenate((np.floor(low), np.ceil(high) + 1), axis=1)
        edges = np.linalg.norm(self._pixels - np.roll(self._pixels, -1, axis=1), axis=2)
        self._seen = np.maximum(edges[:, :2], edges[:, 2:])

    def paint(
        self,
        canvas: Canvas,
        lamp: Lamp,
        number: int,
        texture: Texture,
        label: int,
        normal: Normal,
    ) -> None:
        """Paint surface `number`, of the given normal, if it is in view."""
        bounds = canvas.clip(*self._bounds[number]) if self.visible[number] else None
        if bounds is None:
            return
        first, last = self._shares[number]
        across, up = self._seen[number]
        level = texture.level(across / max(last - first, 1e-3), up)
        rgba = lamp.lit(texture, level, normal, self._depth[number])
        extent = texture.pixels(level)[1]
        height, width = rgba.shape[0] - 2, rgba.shape[1] - 2
        left, right = 1 + first * width, 1 + last * width
        # Whole numbers are centres of pixels, so a texture's corner is half a pixel off its first.
        source = np.float32(((left, 1), (right, 1), (right, 1 + height), (left, 1 + height))) - 0.5
        x0, y0, x1, y1 = bounds
        target = (self._pixels[number] - (x0, y0)).astype(np.float32)
        warp = cv2.getPerspectiveTransform(source, target)
        patch = _warp(rgba, warp, (x1 - x0, y1 - y0))
        owned = None if extent is None else _warp(extent, warp, (x1 - x0, y1 - y0))
        canvas.blend(x0, y0, patch, label, owned)


def _clip_near(view: View, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut off what lies behind the camera.

    Return corners (N, 4, 3) and the shares (N, 2) of the texture's width where the first and the
    last column left lie; the first is not below the last where nothing is left.
    """
    ahead = corners[..., 2] - view.s
    left, right = (ahead[:, 0] + ahead[:, 3]) / 2, (ahead[:, 1] + ahead[:, 2]) / 2
    span = right - left
    cut = (_NEAR - left) / np.where(np.abs(span) < 1e-9, 1e-9, span)
    first = np.where(left < _NEAR, np.where(right > _NEAR, cut, 1.0), 0.0)
    last = np.where(right < _NEAR, np.where(left > _NEAR, cut, 0.0), 1.0)
    top, bottom = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 3]
    a, b = first[:, None], last[:, None]
    kept = np.stack(
        (
            corners[:, 0] + a * top,
            corners[:, 0] + b * top,
            corners[:, 3] + b * bottom,
            corners[:, 3] + a * bottom,
        ),
        axis=1,
    )
    return kept, np.stack((first, last), axis=1)


def _warp(pixels: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.warpPerspective(
        pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
