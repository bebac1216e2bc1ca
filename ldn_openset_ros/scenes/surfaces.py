"""Flat pictures in space: walls, roofs, fences, sign plates and the sprites of trees."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.canvas import Canvas
from ldn_openset_ros.scenes.light import Light

_NEAR = 1.2
"""Depth in metres at which surfaces that reach past the camera are cut off."""


@dataclass(frozen=True)
class Texture:
    """Colours of a surface.

    rgba: uint8 (h, w, 4), albedo and coverage. extent: uint8 (h, w), 255 where the surface owns
    the label though it may be see-through there (a fence, a bare crown); None = its coverage.
    """

    rgba: np.ndarray
    extent: np.ndarray | None = None


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
    rgba = _columns(texture.rgba, first, last)
    size = _needed_size(pixels, rgba)
    rgba = _shrink(rgba, size)
    through = float(light.transmission(float(depth.mean())))
    gain = np.asarray(lighting) * light.exposure * through
    haze = light.haze * light.exposure * (1 - through)
    matrix = np.zeros((4, 5))
    matrix[range(3), range(3)] = gain
    matrix[:3, 4] = haze
    matrix[3, 3] = 1
    rgba = cv2.transform(rgba, matrix)
    x0, y0, x1, y1 = bounds
    target = (pixels - (x0, y0)).astype(np.float32)
    patch = _warp(rgba, target, (x1 - x0, y1 - y0))
    extent = None
    if texture.extent is not None:
        extent = _warp(_shrink(_columns(texture.extent, first, last), size), target,
                       (x1 - x0, y1 - y0))
    canvas.blend(x0, y0, np.ascontiguousarray(patch[..., :3]), patch[..., 3], label, extent)


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


def _columns(pixels: np.ndarray, first: float, last: float) -> np.ndarray:
    if (first, last) == (0.0, 1.0):
        return pixels
    width = pixels.shape[1]
    start = min(int(first * width), width - 1)
    return pixels[:, start : max(int(np.ceil(last * width)), start + 1)]


def _needed_size(pixels: np.ndarray, texture: np.ndarray) -> tuple[int, int]:
    edges = np.linalg.norm(pixels - np.roll(pixels, -1, axis=0), axis=1)
    height, width = texture.shape[:2]
    return (
        int(np.clip(np.ceil(max(edges[0], edges[2])), 1, width)),
        int(np.clip(np.ceil(max(edges[1], edges[3])), 1, height)),
    )


def _shrink(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _warp(pixels: np.ndarray, target: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = pixels.shape[:2]
    # Corners of the texture are corners of its outer pixels, half a pixel off their centres.
    source = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, target - np.float32(0.5))
    # Replicated borders keep opaque neighbours free of seams; the polygon's own edge is cut
    # by the coverage of a transparent frame where the texture has one.
    return cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR)
