"""The ground: asphalt with its wear and markings, kerbs, pavements, verges; and shadows on it."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.canvas import PAVEMENT, ROAD, TREE, Canvas
from ldn_openset_ros.scenes.light import Light
from ldn_openset_ros.scenes.noise import fractal_noise
from ldn_openset_ros.scenes.street import Street

_RESOLUTION = 32
"""Pixels of the ground's texture per metre."""
_HALF_WIDTH = 16.0
_PERIOD = 32.0
"""Metres after which the texture repeats along the road."""
_LEVELS = 5
_FAR = 600.0
_MARKED = 160.0
"""Metres up to which markings are wider than nothing."""
KERB = 0.16


class Ground:
    """A strip of ground texture across the street and the markings painted on it."""

    def __init__(self, rng: np.random.Generator, street: Street) -> None:
        self._street = street
        strip = _paint_strip(rng, street)
        # Far rows see much more of the road along it than across it (depth squared against
        # depth), so each level halves the width and quarters the length.
        self._levels = [strip]
        for level in range(1, _LEVELS):
            size = (strip.shape[1] >> level, strip.shape[0] >> (2 * level))
            self._levels.append(cv2.resize(strip, size, interpolation=cv2.INTER_AREA))
        self._stains = fractal_noise(rng, (128, 64), (8, 4), octaves=3)
        self._grit = fractal_noise(rng, (256, 256), (64, 64), octaves=3, gain=0.9)

    def paint(self, canvas: Canvas, view: View, light: Light, shadow: np.ndarray) -> None:
        """Paint the ground from the horizon down.

        shadow: uint8 (H, W), 0 lit to 255 in full shadow.
        """
        first, distance = view.ground_rows()
        if not distance.size:
            return
        distance = np.minimum(distance, _FAR)
        across = view.ground_columns(distance)
        along = view.s + distance
        texture = self._texture(across, along, distance, view)
        stains = self._noise(self._stains, across, along, (9.0, 41.0))
        marked = np.s_[int(np.searchsorted(-distance, -_MARKED)) :]
        worn = 0.8 + 0.12 * stains[marked]
        self._mark(texture[marked], across[marked], along[marked], distance[marked], worn, view)
        near = int(np.searchsorted(-distance, -14.0))
        fade = np.clip((14 - distance[near:]) / 6, 0, 1).astype(np.float32)[:, None]
        grit = self._noise(self._grit, across[near:], along[near:], (2.1, 2.1))
        through = light.transmission(distance).astype(np.float32)[:, None]
        gain = 1 + np.float32(0.07) * stains
        gain[near:] *= 1 + 0.09 * fade * grit
        gain *= 1 - shadow[first:] * np.float32(1 / 255)
        gain *= through
        lit = light.illuminate(np.array([[0.0, 1.0, 0.0]]))[0] * light.exposure
        gains = cv2.merge([gain * np.float32(channel) for channel in lit])
        haze = (1 - through)[..., None] * (light.haze * light.exposure).astype(np.float32)
        hazed = np.broadcast_to(cv2.convertScaleAbs(haze).reshape(-1, 1, 3), texture.shape)
        colours = cv2.multiply(texture, gains, dtype=cv2.CV_8U)
        canvas.rgba[first:, :, :3] = cv2.add(colours, np.ascontiguousarray(hazed))
        canvas.labels[first:] = self.labels(across)

    def labels(self, across: np.ndarray) -> np.ndarray:
        """Return the class ids, uint8, at street coordinates x."""
        out = np.abs(across)
        labels = np.full(across.shape, TREE if self._street.green else PAVEMENT, np.uint8)
        labels[out < self._street.front] = PAVEMENT
        labels[out < self._street.kerb] = ROAD
        return labels

    def _texture(
        self, across: np.ndarray, along: np.ndarray, distance: np.ndarray, view: View
    ) -> np.ndarray:
        footprint = distance / view.camera.fx * _RESOLUTION
        level = np.clip(np.round(np.log2(np.maximum(footprint, 1e-6))), 0, _LEVELS - 1).astype(int)
        shares = np.clip(across * np.float32(0.5 / _HALF_WIDTH) + np.float32(0.5), 0.001, 0.999)
        repeats = (along / _PERIOD % 1).astype(np.float32)[:, None]
        result = np.empty((*across.shape, 3), np.uint8)
        for number in np.unique(level):
            rows = np.flatnonzero(level == number)
            band = np.s_[rows[0] : rows[-1] + 1]
            texture = self._levels[number]
            height, width = texture.shape[:2]
            down = repeats[band] * np.float32(height) - np.float32(0.5)
            down = np.broadcast_to(down, shares[band].shape)
            result[band] = cv2.remap(
                texture,
                shares[band] * width - np.float32(0.5),
                np.ascontiguousarray(down),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP,
            )
        return result

    @staticmethod
    def _noise(
        tile: np.ndarray, across: np.ndarray, along: np.ndarray, metres: tuple[float, float]
    ) -> np.ndarray:
        height, width = tile.shape
        down = (along / metres[1] % 1 * height).astype(np.float32)[:, None]
        return cv2.remap(
            tile,
            across * np.float32(width / metres[0]),
            np.ascontiguousarray(np.broadcast_to(down, across.shape)),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )

    def _mark(
        self,
        colours: np.ndarray,
        across: np.ndarray,
        along: np.ndarray,
        distance: np.ndarray,
        worn: np.ndarray,
        view: View,
    ) -> None:
        """Lay the markings over the asphalt, covered exactly as far as a pixel's footprint."""
        street = self._street
        wide = (distance / view.camera.fx).astype(np.float32)[:, None]
        deep = distance**2 / (view.camera.fy * view.height)

        def stripe(centre: float, width: float) -> np.ndarray:
            cover = np.abs(across - np.float32(centre))
            np.subtract(np.float32(width / 2), cover, out=cover)
            cover *= 1 / wide
            cover += np.float32(0.5)
            return np.clip(cover, 0, np.minimum(1, width / wide), out=cover)

        def dashes(period: float, length: float) -> np.ndarray:
            return dash_cover(along, deep, period, length).astype(np.float32)[:, None]

        white = stripe(0.0, street.centre_width) * dashes(*street.centre_dash)
        for x in street.edge_lines:
            white = np.maximum(white, stripe(x, 0.1))
        if street.parking:
            for side in (-1, 1):
                white = np.maximum(white, stripe(side * street.lane, 0.1) * dashes(6.0, 5.6) * 0.8)
        if street.crossing_period:
            band = dash_cover(along - street.crossing_start, deep, street.crossing_period, 3.0)
            rows = np.flatnonzero(band > 0)
            place, band = across[rows], band[rows].astype(np.float32)[:, None]
            bars = np.clip((0.25 - np.abs(place % 1.0 - 0.5)) / wide[rows] + 0.5, 0, 1)
            bars *= np.abs(place) < street.kerb - 0.3
            white[rows] = white[rows] * (1 - band) + bars * band
        lines = [stripe(x, 0.08) for x in street.yellow_lines]
        yellow = np.maximum.reduce(lines) if lines else None
        for cover, colour in ((white, (212, 210, 202)), (yellow, (196, 162, 64))):
            if cover is not None:
                weight = np.minimum(cover * worn, np.float32(0.95))
                paint = np.full(colours.shape, colour, np.uint8)
                colours[:] = cv2.blendLinear(colours, paint, 1 - weight, weight)


def dash_cover(along: np.ndarray, deep: np.ndarray, period: float, length: float) -> np.ndarray:
    """Return the share of dashes in windows of `deep` metres about the places `along`."""

    def painted(s: np.ndarray) -> np.ndarray:
        whole = np.floor(s / period)
        return whole * length + np.minimum(s - whole * period, length)

    deep = np.maximum(deep, 1e-3)
    return (painted(along + deep / 2) - painted(along - deep / 2)) / deep


def _paint_strip(rng: np.random.Generator, street: Street) -> np.ndarray:
    """Paint the seamless texture, uint8; rows run along the road, columns across it."""
    height, width = int(_PERIOD * _RESOLUTION), int(2 * _HALF_WIDTH * _RESOLUTION)
    x = (np.arange(width) + 0.5) / _RESOLUTION - _HALF_WIDTH
    out = np.abs(x)
    coarse = fractal_noise(rng, (height, width), (16, 16), octaves=4, gain=0.6)
    fine = rng.standard_normal((height, width), np.float32)
    picture = np.empty((height, width, 3), np.float32)
    kerb, front = (int(np.searchsorted(out[width // 2 :], v)) for v in (street.kerb, street.front))
    middle = width // 2
    road = np.s_[:, middle - kerb : middle + kerb]
    picture[:] = _verge(street, coarse, fine)
    for side in (
        np.s_[:, middle - front : middle - kerb],
        np.s_[:, middle + kerb : middle + front],
    ):
        picture[side] = _slabs(rng, coarse[side], fine[side], street.slab)
    picture[road] = _asphalt(rng, x[road[1]], coarse[road], fine[road], street)
    stone = (out >= street.kerb) & (out < street.kerb + KERB)
    joints = (np.arange(height) % int(0.9 * _RESOLUTION) < 1)[:, None]
    curb = 128 + 9 * coarse[:, stone] + 6 * fine[:, stone] - 40 * joints
    picture[:, stone] = curb[..., None] * np.array((1.0, 0.99, 0.96))
    gutter = (out < street.kerb) & (out > street.kerb - 0.22)
    picture[:, gutter] *= 0.8
    edge = (out >= street.kerb) & (out < street.kerb + 0.04)
    picture[:, edge] *= 0.72
    return np.clip(picture, 0, 255).astype(np.uint8)


def _asphalt(rng, x, coarse, fine, street: Street) -> np.ndarray:
    height, width = coarse.shape
    grey = street.asphalt + 3.5 * coarse + 5.5 * fine
    for side in (-1, 1):
        for track in (-0.8, 0.8):
            grey -= 4 * np.exp(-(((x - side * street.lane / 2 - track) / 0.32) ** 2))
        grey -= 3 * np.exp(-(((x - side * street.lane / 2) / 0.25) ** 2))
    grey = np.ascontiguousarray(grey, np.float32)
    for _ in range(int(rng.integers(4, 9))):  # repaired patches with a tarred seam
        w, h = int(rng.uniform(0.5, 2.4) * _RESOLUTION), int(rng.uniform(0.8, 6) * _RESOLUTION)
        left, top = int(rng.integers(0, max(width - w, 1))), int(rng.integers(0, height - h))
        window = grey[top : top + h, left : left + w]
        window += rng.uniform(-14, 10)
        cv2.rectangle(grey, (left, top), (left + w, top + h), street.asphalt * 0.62, 1)
    for _ in range(int(rng.integers(10, 26))):  # cracks wander along the road
        steps = int(rng.integers(6, 30))
        walk = np.cumsum(rng.normal((0, 7), (5, 4), (steps, 2)), 0) + rng.uniform(
            (0, 0), (width, height * 0.8)
        )
        cv2.polylines(
            grey, [walk.astype(np.int32)], False, street.asphalt * rng.uniform(0.5, 0.75), 1,
            cv2.LINE_AA,
        )  # fmt: skip
    for _ in range(2):  # manhole covers
        centre = (int(rng.uniform(0.15, 0.85) * width), int(rng.uniform(0.1, 0.9) * height))
        radius = int(0.32 * _RESOLUTION)
        cv2.circle(grey, centre, radius, street.asphalt * 0.7, -1, cv2.LINE_AA)
        cv2.circle(grey, centre, radius, street.asphalt * 0.45, 1, cv2.LINE_AA)
    return grey[..., None] * np.array(street.asphalt_tint, np.float32)


def _slabs(rng, coarse, fine, slab: float) -> np.ndarray:
    height, width = coarse.shape
    grey = 134 + 6 * coarse + 4.5 * fine
    if slab:
        size = int(slab * _RESOLUTION)
        rows, columns = np.arange(height) // size, np.arange(width) // size
        tone = rng.normal(0, 6, (rows[-1] + 1, columns[-1] + 1))
        grey = grey + tone[rows][:, columns]
        grey[np.arange(height) % size == 0] -= 32
        grey[:, np.arange(width) % size == 0] -= 32
        tint = (1.0, 0.98, 0.94)
    else:
        grey, tint = grey - 28, (0.99, 1.0, 1.02)
    return grey[..., None] * np.array(tint, np.float32)


def _verge(street: Street, coarse, fine) -> np.ndarray:
    if street.green:
        light = 1 + 0.12 * coarse + 0.16 * fine
        return light[..., None] * np.array((78, 96, 46), np.float32)
    return (118 + 8 * coarse + 5 * fine)[..., None] * np.array((1.0, 0.98, 0.95), np.float32)
