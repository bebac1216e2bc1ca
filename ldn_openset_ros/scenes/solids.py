"""Paint meshes: projected, lit face by face, sorted by depth, textured and anti-aliased."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import NEAREST, View
from ldn_openset_ros.scenes.canvas import Canvas
from ldn_openset_ros.scenes.light import Light
from ldn_openset_ros.scenes.mesh import Mesh

FINE_BELOW = 150
"""Objects of fewer pixels across are drawn at twice the size and shrunk: clean edges."""
_PLAIN_BELOW = 28
"""Objects of fewer pixels across show no texture."""
_SHIFT = 3


def paint_mesh(
    canvas: Canvas,
    view: View,
    light: Light,
    mesh: Mesh,
    label: int,
    grain: np.ndarray,
    roughness: float = 0.06,
    shade: float = 1.0,
) -> None:
    """Paint a mesh given in street coordinates.

    grain: float32 square noise of deviation 1 that is stretched over the object.
    roughness: strength of that texture; shade: factor on the light (things in a shadow).
    """
    pixels, depth = view.project(mesh.corners.reshape(-1, 3))
    depth = depth.reshape(-1, 4)
    near = depth.min(1) > NEAREST
    eye = np.array((-view.shift(view.s), view.height, view.s))
    towards = eye - mesh.corners.mean(1)
    # The bend moves what lies ahead sideways; facing is judged where the face appears.
    towards[:, 0] -= view.shift(mesh.corners[:, 0, 2]) - view.shift(view.s)
    distance = np.linalg.norm(towards, axis=1)
    towards /= distance[:, None]
    visible = near & ((mesh.normals * towards).sum(1) > -0.02)
    if not visible.any():
        return
    faces = np.flatnonzero(visible)
    pixels = pixels.reshape(-1, 4, 2)[faces]
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    bounds = canvas.clip(low[0] - 1, low[1] - 1, high[0] + 2, high[1] + 2)
    if bounds is None:
        return
    order = np.argsort(-(distance[faces] - mesh.rank[faces]), kind="stable")
    faces, pixels = faces[order], pixels[order]
    colours = _lit(mesh, faces, towards[faces], light) * shade
    through = light.transmission(depth[faces].mean(1))[:, None]
    colours = light.haze * light.exposure + (colours - light.haze * light.exposure) * through
    x0, y0, x1, y1 = bounds
    scale = 2 if max(x1 - x0, y1 - y0) < FINE_BELOW else 1
    ids = _draw_ids(pixels, (x0, y0), ((y1 - y0) * scale, (x1 - x0) * scale), scale)
    table = np.concatenate((colours, np.zeros((1, 3)))).clip(0, 255).astype(np.uint8)
    rgb = table[ids]
    alpha = ((ids >= 0) * np.uint8(255)).view(np.uint8)
    if max(x1 - x0, y1 - y0) > _PLAIN_BELOW:
        rgb = _soften(rgb, alpha)
        rgb = _roughen(rgb, grain, roughness, low, high, bounds, scale)
    if scale == 2:
        size = (x1 - x0, y1 - y0)
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    else:
        alpha = cv2.blur(alpha, (2, 2))
    canvas.blend(x0, y0, rgb, alpha, label)


def _lit(mesh: Mesh, faces: np.ndarray, towards: np.ndarray, light: Light) -> np.ndarray:
    normals, albedo = mesh.normals[faces], mesh.albedo[faces]
    gloss = mesh.gloss[faces][:, None]
    cosine = (normals * towards).sum(1, keepdims=True)
    mirrored = 2 * cosine * normals - towards
    up = np.clip(mirrored[:, 1:2] * 3 + 0.3, 0, 1)
    sky = light.horizon + (light.zenith - light.horizon) * np.clip(mirrored[:, 1:2], 0, 1)
    surroundings = 45 * np.mean(light.sky_colour) * (1 - up) + sky * up
    shine = np.clip(mirrored @ light.sun, 0, 1)[:, None] ** 60
    facing = np.clip(cosine, 0, 1)
    mirror = gloss * (0.25 + 0.75 * (1 - facing) ** 3)
    diffuse = albedo * light.illuminate(normals)
    colours = diffuse * (1 - mirror) + surroundings * mirror
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


def _soften(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Blur the steps between faces without drawing in the empty surroundings."""
    weight = cv2.blur(alpha, (3, 3))
    blurred = cv2.blur(rgb, (3, 3)).astype(np.float32)
    inverse = 255 / np.maximum(weight, 1).astype(np.float32)
    return np.minimum(blurred * inverse[..., None], 255).astype(np.uint8)


def _roughen(
    rgb: np.ndarray,
    grain: np.ndarray,
    roughness: float,
    low: np.ndarray,
    high: np.ndarray,
    bounds: tuple[int, int, int, int],
    scale: int,
) -> np.ndarray:
    """Stretch the grain over the object's box, so that it grows with the object."""
    span = np.maximum(high - low, 1)
    step = grain.shape[0] / 2 / span.max()
    x0, y0, x1, y1 = bounds
    step_x = step_y = step / scale
    matrix = np.array(
        ((step_x, 0, (x0 - low[0]) * step), (0, step_y, (y0 - low[1]) * step)), np.float32
    )
    texture = cv2.warpAffine(
        grain,
        matrix,
        (rgb.shape[1], rgb.shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    factor = np.maximum(1 + roughness * texture, 0)[..., None]
    return np.minimum(rgb * factor, 255).astype(np.uint8)
