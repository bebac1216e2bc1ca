"""Paint meshes: projected, lit face by face, sorted by depth, textured and anti-aliased."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import NEAREST, View
from ldn_openset_ros.scenes.canvas import Canvas
from ldn_openset_ros.scenes.light import Light
from ldn_openset_ros.scenes.mesh import Mesh, merge

FINE_BELOW = 150
"""Objects of fewer pixels across are drawn at twice the size and shrunk: clean edges."""
_PLAIN_BELOW = 28
"""Objects of fewer pixels across show no texture."""
_EDGE = 22
"""Grey levels that tell an edge between materials from the facets of a curved surface."""
_SMALLEST = 0.1
"""Faces of fewer pixels are left out: their neighbours, drawn with their edges, cover them."""
_SHIFT = 3


class SolidBatch:
    """Meshes of one frame: projected, lit and sorted together, face by face."""

    def __init__(self, view: View, light: Light, meshes: Sequence[Mesh]) -> None:
        mesh = merge(meshes)
        owner = np.repeat(np.arange(len(meshes)), [len(m.corners) for m in meshes])
        pixels, depth = view.project(mesh.corners.reshape(-1, 3))
        pixels, depth = pixels.reshape(-1, 4, 2), depth.reshape(-1, 4)
        towards = np.empty((len(owner), 3))
        centre = mesh.corners.sum(1) * 0.25
        # The bend moves what lies ahead sideways; facing is judged where the face appears.
        towards[:, 0] = -(centre[:, 0] + view.shift(centre[:, 2]))
        towards[:, 1] = view.height - centre[:, 1]
        towards[:, 2] = view.s - centre[:, 2]
        distance = np.sqrt(np.einsum("ij,ij->i", towards, towards))
        towards /= distance[:, None]
        facing = np.einsum("ij,ij->i", mesh.normals, towards)
        down, up = pixels[:, 2] - pixels[:, 0], pixels[:, 3] - pixels[:, 1]
        area = np.abs(down[:, 0] * up[:, 1] - down[:, 1] * up[:, 0]) / 2
        seen = (depth.min(1) > NEAREST) & (facing > -0.02) & (area > _SMALLEST)
        order = np.flatnonzero(seen)
        nearness = distance[order] - mesh.rank[order]
        order = order[np.lexsort((-nearness, owner[order]))]
        self._pixels = pixels[order]
        owner = owner[order]
        self._starts = np.searchsorted(owner, np.arange(len(meshes) + 1))
        self._low, self._high = np.zeros((len(meshes), 2)), np.zeros((len(meshes), 2))
        shown = np.flatnonzero(np.diff(self._starts))
        if len(shown):
            starts = self._starts[shown]
            self._low[shown] = np.minimum.reduceat(self._pixels.min(1), starts)
            self._high[shown] = np.maximum.reduceat(self._pixels.max(1), starts)
        colours = _lit(
            mesh.normals[order], mesh.albedo[order], mesh.gloss[order, None], towards[order], light
        )
        through = light.transmission(depth[order, 0])[:, None]
        haze = light.haze * light.exposure
        colours = haze + (colours - haze) * through
        self._colours = colours.clip(0, 255).astype(np.uint8)

    def paint(
        self, canvas: Canvas, number: int, label: int, grain: np.ndarray, roughness: float
    ) -> None:
        """Paint mesh `number`.

        grain: float32 square noise of deviation 1 that is stretched over the mesh.
        roughness: strength of that texture.
        """
        faces = slice(self._starts[number], self._starts[number + 1])
        pixels = self._pixels[faces]
        if not len(pixels):
            return
        low, high = self._low[number], self._high[number]
        bounds = canvas.clip(low[0] - 1, low[1] - 1, high[0] + 2, high[1] + 2)
        if bounds is None:
            return
        x0, y0, x1, y1 = bounds
        size = max(x1 - x0, y1 - y0)
        scale = 2 if size < FINE_BELOW else 1
        ids = _draw_ids(pixels, (x0, y0), ((y1 - y0) * scale, (x1 - x0) * scale), scale)
        # Id -1, nothing, takes the last row: no coverage, but a colour for the outline to fade to.
        colours = self._colours[faces]
        table = np.full((len(pixels) + 1, 4), 255, np.uint8)
        table[:-1, :3] = colours
        table[-1, :3] = colours.mean(0)
        table[-1, 3] = 0
        patch = table[ids]
        if size > _PLAIN_BELOW:
            patch = _smooth(patch)
        if size > _PLAIN_BELOW and roughness:
            _roughen(patch, grain, roughness, low, high, (x0, y0), scale)
        if scale == 2:
            patch = cv2.resize(patch, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        canvas.blend(x0, y0, patch, label)


def _lit(
    normals: np.ndarray, albedo: np.ndarray, gloss: np.ndarray, towards: np.ndarray, light: Light
) -> np.ndarray:
    """Return colours (N, 3): light that a face scatters, mirrored sky and ground, sun's glint."""
    cosine = np.einsum("ij,ij->i", normals, towards)[:, None]
    mirrored = 2 * cosine * normals - towards
    up = np.clip(mirrored[:, 1:2] * 3 + 0.3, 0, 1)
    sky = light.horizon + (light.zenith - light.horizon) * np.clip(mirrored[:, 1:2], 0, 1)
    surroundings = 45 * np.mean(light.sky_colour) * (1 - up) + sky * up
    shine = np.clip(mirrored @ light.sun, 0, 1)[:, None] ** 60
    mirror = gloss * (0.25 + 0.75 * (1 - np.clip(cosine, 0, 1)) ** 3)
    colours = albedo * light.illuminate(normals) * (1 - mirror) + surroundings * mirror
    colours += 260 * gloss * shine * light.sun_colour
    return colours * light.exposure


def _draw_ids(
    pixels: np.ndarray, origin: tuple[int, int], shape: tuple[int, int], scale: int
) -> np.ndarray:
    """Return int32 `shape`: which face is on top, -1 where none."""
    ids = np.full(shape, -1, np.int32)
    # Pixel centres are integers in OpenCV: a factor s moves the corner of the patch by (s-1)/2.
    places = (pixels - origin) * scale + (scale - 1) / 2
    fixed = np.clip(places * (1 << _SHIFT), -(1 << 20), 1 << 20).astype(np.int32)
    for number, corners in enumerate(fixed):
        cv2.fillConvexPoly(ids, corners, number, cv2.LINE_8, _SHIFT)
    return ids


def _smooth(patch: np.ndarray) -> np.ndarray:
    """Smooth the small steps between faces, which are curved; the large ones are edges."""
    reach = 2 * (max(patch.shape) // 40) + 3
    mean = cv2.blur(patch, (reach, reach))
    red, green, blue, cover = cv2.split(cv2.absdiff(mean, patch))
    step = cv2.max(cv2.max(red, green), cv2.max(blue, cover))
    return cv2.copyTo(mean, cv2.compare(step, _EDGE, cv2.CMP_LT), patch)


def _roughen(
    patch: np.ndarray,
    grain: np.ndarray,
    roughness: float,
    low: np.ndarray,
    high: np.ndarray,
    origin: tuple[int, int],
    scale: int,
) -> None:
    """Stretch the grain over the object's box, so that it grows with the object."""
    step = grain.shape[0] / 2 / max(float((high - low).max()), 1.0)
    x0, y0 = origin
    matrix = np.array(
        (
            (step / scale, 0, (x0 - low[0]) * step),
            (0, step / scale, (y0 - low[1]) * step),
        )
    )
    texture = cv2.warpAffine(
        grain,
        matrix,
        (patch.shape[1], patch.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    factor = np.maximum(1 + np.float32(roughness) * texture, 0)
    gains = cv2.merge([factor, factor, factor, np.ones_like(factor)])
    cv2.multiply(patch, gains, patch, dtype=cv2.CV_8U)
