"""Flat pictures in space: walls, roofs, fences, sign plates and the sprites of trees."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.canvas import Canvas
from ldn_openset_ros.scenes.light import Light

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

    def level(self, width: float, height: float) -> tuple[np.ndarray, np.ndarray | None]:
        """Return colours and extent halved as often, along each side, as the size seen allows.

        A transparent frame of one pixel in the border's own colours lies around both: there the
        surface ends.
        """
        key = tuple(
            max(0, int(np.log2(full / max(seen, 1.0)) + 0.25))
            for full, seen in zip(self.rgba.shape[1::-1], (width, height), strict=True)
        )
        if key not in self._levels:
            size = tuple(
                max(1, round(full / 2**k))
                for full, k in zip(self.rgba.shape[1::-1], key, strict=True)
            )
            extent = None if self.extent is None else _framed(self.extent, size)
            self._levels[key] = (_framed(self.rgba, size), extent)
        return self._levels[key]


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


def paint_surface(
    canvas: Canvas,
    view: View,
    light: Light,
    corners: np.ndarray,
    texture: Texture,
    label: int,
    lighting: np.ndarray,
) -> None:
    """Paint a texture on a four-cornered surface.

    corners: street coordinates (4, 3): top left, top right, bottom right, bottom left of the
        texture.
    lighting: (3,) factors on its colours, before exposure.
    """
    clipped = _clip_near(view, np.asarray(corners, float))
    if clipped is None:
        return
    corners, (first, last) = clipped
    pixels, depth = view.project(corners)
    bounds = canvas.clip(*pixels.min(0), *(pixels.max(0) + 1))
    if bounds is None:
        return
    edges = np.linalg.norm(pixels - np.roll(pixels, -1, axis=0), axis=1)
    share = max(last - first, 1e-3)
    rgba, extent = texture.level(max(edges[0], edges[2]) / share, max(edges[1], edges[3]))
    height, width = rgba.shape[0] - 2, rgba.shape[1] - 2
    left, right = 1 + first * width, 1 + last * width
    source = np.array(((left, 1), (right, 1), (right, 1 + height), (left, 1 + height)))
    x0, y0, x1, y1 = bounds
    # Corners are corners of pixels; OpenCV counts from the pixels' centres.
    warp = cv2.getPerspectiveTransform(
        (source - 0.5).astype(np.float32), (pixels - (x0 + 0.5, y0 + 0.5)).astype(np.float32)
    )
    patch = _warp(rgba, warp, (x1 - x0, y1 - y0))
    through = float(light.transmission(float(depth.mean())))
    matrix = np.zeros((3, 5))
    matrix[range(3), range(3)] = np.asarray(lighting) * light.exposure * through
    matrix[:, 4] = light.haze * light.exposure * (1 - through)
    owned = None if extent is None else _warp(extent, warp, (x1 - x0, y1 - y0))
    canvas.blend(x0, y0, cv2.transform(patch, matrix), patch[..., 3], label, owned)


def _clip_near(view: View, corners: np.ndarray):
    """Cut off what lies behind the camera; return corners and the columns left, as shares."""
    ahead = corners[:, 2] - view.s
    left, right = float(ahead[[0, 3]].mean()), float(ahead[[1, 2]].mean())
    if max(left, right) <= _NEAR:
        return None
    first, last = 0.0, 1.0
    if left < _NEAR:
        first = (_NEAR - left) / (right - left)
    elif right < _NEAR:
        last = (left - _NEAR) / (left - right)
    top, bottom = corners[1] - corners[0], corners[2] - corners[3]
    cut = np.array(
        (
            corners[0] + first * top,
            corners[0] + last * top,
            corners[3] + last * bottom,
            corners[3] + first * bottom,
        )
    )
    return cut, (first, last)


def _warp(pixels: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.warpPerspective(
        pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
