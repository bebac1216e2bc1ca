"""Sky with clouds, and what stands at the end of the world."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.canvas import BUILDING, SKY, TREE, Canvas
from ldn_openset_ros.scenes.light import Light
from ldn_openset_ros.scenes.noise import fractal_noise

COLUMNS = 2048
"""Width of the panorama, which spans the full turn."""
ROWS = 320
"""Height of the panorama, which spans from the horizon to TOP."""
TOP = np.radians(50)


class Sky:
    """A panorama by azimuth and elevation: a gradient, clouds, the sun's glow, a far skyline."""

    def __init__(self, rng: np.random.Generator, light: Light) -> None:
        self._panorama = _paint_sky(rng, light)
        self._skyline = _paint_skyline(rng, light)

    def paint(self, canvas: Canvas, view: View) -> None:
        """Fill the canvas with the sky and set the skyline on the horizon."""
        camera = view.camera
        width, height = canvas.size
        azimuth = np.arctan((np.arange(width) - camera.cx) / camera.fx) + view.heading
        across = ((azimuth / (2 * np.pi) + 0.5) % 1 * COLUMNS).astype(np.float32)
        up = np.arctan((view.horizon - np.arange(height)) / camera.fy)
        down = np.clip((1 - up / TOP) * ROWS, 0, ROWS - 1).astype(np.float32)
        visible = max(1, min(height, int(np.ceil(view.horizon)) + 2))
        canvas.rgba[:visible, :, :3] = cv2.remap(
            self._panorama,
            np.broadcast_to(across, (visible, width)).copy(),
            np.broadcast_to(down[:visible, None], (visible, width)).copy(),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        canvas.labels[:visible] = SKY
        self._paint_skyline(canvas, view, across)

    def _paint_skyline(self, canvas: Canvas, view: View, across: np.ndarray) -> None:
        # The strip's rows are steps of elevation; at least a pixel of it shows at any size.
        rgb, heights, ids = self._skyline
        column = across.astype(int) % COLUMNS
        bottom = int(np.ceil(view.horizon)) + 1
        pixels = heights[column] * view.camera.fy
        tallest = int(np.ceil(pixels.max())) + 1
        top = max(0, bottom - tallest)
        bottom = min(bottom, canvas.size[1])
        if top >= bottom:
            return
        rows = np.arange(top, bottom)[:, None]
        cover = np.clip(pixels[None] - (view.horizon - rows) + 0.5, 0, 1)
        strip = np.broadcast_to(rgb[column], (bottom - top, len(column), 3))
        window = np.s_[top:bottom]
        picture = canvas.rgba[window][..., :3]
        mixed = picture * (1 - cover[..., None]) + strip * cover[..., None]
        picture[:] = mixed.astype(np.uint8)
        np.copyto(canvas.labels[window], ids[column][None], where=cover > 0.5)


def _paint_sky(rng: np.random.Generator, light: Light) -> np.ndarray:
    elevation = (1 - np.arange(ROWS, dtype=np.float32)[:, None] / ROWS) * TOP
    azimuth = (np.arange(COLUMNS, dtype=np.float32)[None] / COLUMNS - 0.5) * 2 * np.pi
    height = (np.clip(elevation / TOP, 0, 1) ** 0.7).astype(np.float32)
    zenith, horizon = light.zenith.astype(np.float32), light.horizon.astype(np.float32)
    gradient = horizon + (zenith - horizon) * height[..., None]
    # Clouds lie flat overhead: towards the horizon they crowd together.
    flat = fractal_noise(rng, (512, 512), (5, 5), octaves=6, gain=0.58)
    reach = 1 / np.tan(elevation + 0.09)
    over_x = (reach * np.sin(azimuth) * 55 % 512).astype(np.float32)
    over_y = (reach * np.cos(azimuth) * 55 % 512).astype(np.float32)
    noise = cv2.remap(flat, over_x, over_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    cover = np.clip((noise + (light.cloud - 0.5) * 4.2) * 0.55, 0, 1)
    level = np.hypot(light.sun[0], light.sun[2]) * np.cos(
        azimuth - np.arctan2(light.sun[0], light.sun[2])
    )
    towards_sun = np.cos(elevation) * level + np.sin(elevation) * light.sun[1]
    brightness = 0.97 - 0.13 * np.clip(noise, 0, 2) * light.cloud + 0.04 * towards_sun
    cloud_colour = np.array((250, 250, 252)) * (0.55 + 0.45 * np.mean(light.horizon) / 250)
    bright = np.clip(brightness, 0.5, 1.02).astype(np.float32)
    clouds = cv2.merge([bright * np.float32(channel) for channel in cloud_colour])
    cover = (0.9 * cover).astype(np.float32)
    gradient = np.broadcast_to(gradient, clouds.shape).copy()
    picture = cv2.blendLinear(gradient, clouds, 1 - cover, cover)
    glow = np.clip(towards_sun, 0, 1).astype(np.float32) ** 24 * float(np.mean(light.sun_colour))
    picture += cv2.merge([(glow * channel).astype(np.float32) for channel in (90, 82, 64)])
    return cv2.convertScaleAbs(picture)


def _paint_skyline(
    rng: np.random.Generator, light: Light
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return colours (COLUMNS, 3), tangents of elevation (COLUMNS,) and class ids (COLUMNS,)."""
    trees = fractal_noise(rng, (4, COLUMNS), (1, 90), octaves=5, gain=0.6)[0]
    heights = 0.028 + 0.006 * trees
    ids = np.full(COLUMNS, TREE, np.uint8)
    colours = np.array((58, 66, 48)) + 8 * trees[:, None]
    for _ in range(90):
        start, length = int(rng.integers(COLUMNS)), int(rng.integers(4, 16))
        stop = min(start + length, COLUMNS)
        heights[start:stop] = rng.uniform(0.018, 0.045)
        ids[start:stop] = BUILDING
        colours[start:stop] = np.array((120, 108, 98)) * rng.uniform(0.6, 1.2)
    lit = colours * light.illuminate(np.array([[0.0, 0.3, -0.95]]))
    through = float(light.transmission(260.0))
    lit = light.haze + (lit - light.haze) * through
    return np.clip(lit, 0, 255).astype(np.float32), np.maximum(heights, 0.01), ids
