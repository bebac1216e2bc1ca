"""Textures of house fronts, roofs and side walls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ldn_openset_ros.scenes.noise import fractal_noise
from ldn_openset_ros.scenes.surfaces import Texture, opaque

_RESOLUTION = 30
"""Pixels per metre."""
_WALLS = {
    "gault": (178, 160, 118),
    "red": (142, 84, 66),
    "brown": (120, 92, 72),
    "render": (208, 202, 188),
    "pastel": (196, 186, 160),
    "stone": (164, 154, 136),
    "concrete": (150, 150, 148),
}
_FASCIAS = (
    (150, 26, 30),
    (24, 40, 96),
    (24, 72, 52),
    (30, 30, 32),
    (190, 170, 60),
    (86, 40, 84),
    (210, 208, 204),
    (20, 96, 120),
)
_FRAMES = ((226, 226, 222), (232, 230, 224), (60, 58, 56), (92, 66, 46))


@dataclass(frozen=True)
class House:
    """A building: measures in metres, textures of its front, its side wall and its roof.

    roof_rise: height of the ridge above the eaves; 0 = a flat roof.
    """

    width: float
    height: float
    depth: float
    roof_rise: float
    front: Texture
    wall: Texture
    roof: Texture
    chimneys: bool
    wall_colour: tuple[int, int, int]

    @cached_property
    def gable(self) -> Texture:
        """The side wall with the gable above it, cut out of its rectangle."""
        wall = self.wall.rgba
        if not self.roof_rise:
            return self.wall
        rows = round(self.roof_rise * _RESOLUTION)
        upper = np.repeat(wall[: min(rows, len(wall))], -(-rows // len(wall)), 0)[:rows].copy()
        width = wall.shape[1]
        reach = np.linspace(0, 1, rows)[:, None] * (width / 2)
        upper[..., 3] = np.where(np.abs(np.arange(width) - width / 2)[None] <= reach, 255, 0)
        return Texture(np.concatenate((upper, wall)))


def build_house(rng: np.random.Generator) -> House:
    """Build a terraced house, a shop with flats above it, or a block of offices."""
    kind = str(rng.choice(("terrace", "shop", "office"), p=(0.48, 0.34, 0.18)))
    storeys = {"terrace": (2, 3), "shop": (2, 4), "office": (3, 5)}[kind]
    floors = int(rng.integers(storeys[0], storeys[1] + 1))
    storey = float(rng.uniform(2.7, 3.2))
    bays = int(rng.integers(2, 4)) if kind != "office" else int(rng.integers(3, 5))
    width = bays * float(rng.uniform(2.1, 2.9))
    height = floors * storey + 0.5
    walls = ("concrete", "brown", "render", "stone") if kind == "office" else tuple(_WALLS)[:6]
    material = str(rng.choice(walls))
    colour = np.array(_WALLS[material]) * rng.uniform(0.85, 1.1) + rng.uniform(-6, 6, 3)
    brick = material in ("gault", "red", "brown")
    front = _wall(rng, width, height, colour, brick)
    frame = _FRAMES[int(rng.integers(len(_FRAMES)))]
    layout = _Layout(front, width / bays, storey, floors, bays, height)
    if kind == "office":
        _office(rng, layout, frame)
    else:
        _windows(rng, layout, frame, colour, skip_ground=kind == "shop")
        if kind == "shop":
            _shop(rng, layout)
        else:
            _door(rng, layout)
    front[: int(0.22 * _RESOLUTION)] *= 0.72  # cornice or gutter
    front[-int(0.4 * _RESOLUTION) :] *= np.linspace(0.95, 0.7, int(0.4 * _RESOLUTION))[
        :, None, None
    ]
    depth = float(rng.uniform(7, 10))
    side = _wall(rng, depth, height, colour * 0.97, brick)
    rise = 0.0 if kind == "office" else float(rng.uniform(1.8, 3.0))
    return House(
        width, height, depth, rise, opaque(front), opaque(side),
        opaque(_roof(rng, width)), kind != "office" and bool(rng.random() < 0.5),
        tuple(int(v) for v in colour),
    )  # fmt: skip


@dataclass(frozen=True)
class _Layout:
    picture: np.ndarray
    bay: float
    storey: float
    floors: int
    bays: int
    height: float

    def window(self, x: float, y: float, width: float, height: float):
        """Return the pixel bounds of a rectangle given by its lower left corner in metres."""
        top, bottom = self.height - y - height, self.height - y
        return tuple(round(v * _RESOLUTION) for v in (x, top, x + width, bottom))


def _wall(rng, width: float, height: float, colour: np.ndarray, brick: bool) -> np.ndarray:
    shape = (round(height * _RESOLUTION), round(width * _RESOLUTION))
    dirt = fractal_noise(rng, (64, 64), (4, 4), octaves=4, gain=0.6)
    dirt = cv2.resize(dirt, shape[::-1], interpolation=cv2.INTER_CUBIC)
    light = 1 + 0.05 * dirt + 0.02 * rng.standard_normal(shape, np.float32)
    if brick:
        rows, columns = -(-shape[0] // 3), -(-shape[1] // 7) + 1
        tone = rng.normal(1, 0.085, (rows, columns)).astype(np.float32)
        tone = np.repeat(np.repeat(tone, 3, 0), 7, 1)
        tone[3::6] = np.roll(tone[3::6], 3, axis=1)
        light = light * tone[: shape[0], : shape[1]]
        light[2::3] *= 1.07
    streaks = cv2.resize(rng.normal(0, 1, (1, shape[1] // 6 + 1)).astype(np.float32), shape[::-1])
    light *= 1 - 0.04 * np.clip(streaks, 0, 2) * np.linspace(1, 0.2, shape[0])[:, None]
    return (light[..., None] * colour).astype(np.float32)


def _glass(rng, height: int, width: int) -> np.ndarray:
    """Paint a pane: dark room, curtains or blinds, and a reflection that fades downwards."""
    pane = np.full((height, width, 3), 1, np.float32) * rng.uniform(26, 56)
    down = np.linspace(1, 0, height, dtype=np.float32)[:, None, None]
    pane += down * rng.uniform(20, 80) * np.array((0.85, 0.95, 1.05))
    if rng.random() < 0.45:
        part = max(2, int(width * rng.uniform(0.12, 0.3)))
        curtain = np.array((190, 184, 170)) * rng.uniform(0.5, 0.9)
        pane[:, :part] = curtain
        pane[:, -part:] = curtain
    elif rng.random() < 0.3:
        pane[: int(height * rng.uniform(0.2, 0.8))] = np.array((170, 166, 156)) * rng.uniform(
            0.6, 1
        )
    pane += rng.normal(0, 3, (height, width, 1))
    return pane


def _pane(rng, picture: np.ndarray, bounds, frame, bars: tuple[int, int]) -> None:
    left, top, right, bottom = bounds
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, picture.shape[1]), min(bottom, picture.shape[0])
    if right - left < 4 or bottom - top < 4:
        return
    picture[top:bottom, left:right] = frame
    picture[top + 2 : bottom - 2, left + 2 : right - 2] = _glass(
        rng, bottom - top - 4, right - left - 4
    )
    for number in range(1, bars[0]):
        row = top + number * (bottom - top) // bars[0]
        picture[row : row + 2, left:right] = frame
    for number in range(1, bars[1]):
        column = left + number * (right - left) // bars[1]
        picture[top:bottom, column : column + 2] = frame
    # The window lies back in the wall: lintel and one jamb shade it.
    picture[top : top + 3, left:right] *= 0.45
    picture[top:bottom, left : left + 2] *= 0.6


def _windows(rng, layout: _Layout, frame, colour, skip_ground: bool) -> None:
    width = layout.bay * rng.uniform(0.38, 0.55)
    height = layout.storey * rng.uniform(0.48, 0.6)
    bars = ((2, 1), (2, 2), (1, 2), (3, 2))[int(rng.integers(4))]
    sill = np.clip(colour * 1.2 + 12, 0, 236)
    for floor in range(1 if skip_ground else 0, layout.floors):
        for bay in range(layout.bays):
            x = (bay + 0.5) * layout.bay - width / 2
            y = floor * layout.storey + 0.85
            bounds = layout.window(x, y, width, height)
            left, top, right, bottom = bounds
            layout.picture[max(top - 6, 0) : top, left - 3 : right + 3] = sill * 0.96
            _pane(rng, layout.picture, bounds, frame, bars)
            layout.picture[bottom : bottom + 4, left - 3 : right + 3] = sill
            layout.picture[bottom + 4 : bottom + 6, left - 3 : right + 3] *= 0.65


def _door(rng, layout: _Layout) -> None:
    bay = int(rng.integers(layout.bays))
    x = (bay + 0.5) * layout.bay - 0.5
    paint = np.array(
        ((40, 60, 44), (120, 30, 32), (34, 44, 84), (30, 30, 32), (200, 198, 190))[
            int(rng.integers(5))
        ],
        np.float32,
    )
    left, top, right, bottom = layout.window(x - 0.5, 0, 2.0, 2.9)
    wall = layout.picture[2 : bottom - top + 2, left:right]
    layout.picture[top:bottom, left:right] = wall[: bottom - top].mean((0, 1)) * 0.9
    left, top, right, bottom = layout.window(x, 0.12, 1.0, 2.5)
    layout.picture[top - 4 : bottom, left - 4 : right + 4] = (214, 212, 204)
    layout.picture[top:bottom, left:right] = paint
    layout.picture[top : top + 4, left:right] *= 0.5
    fan = layout.window(x + 0.1, 2.15, 0.8, 0.35)
    _pane(rng, layout.picture, fan, (200, 200, 196), (1, 1))
    for row in (0.4, 1.25):
        panel = layout.window(x + 0.18, row, 0.64, 0.65)
        cv2.rectangle(
            layout.picture, panel[:2], panel[2:], tuple(float(v) for v in paint * 0.7), 1
        )


def _shop(rng, layout: _Layout) -> None:
    width = layout.bay * layout.bays
    fascia = np.array(_FASCIAS[int(rng.integers(len(_FASCIAS)))], np.float32)
    left, top, right, bottom = layout.window(0.1, 0, width - 0.2, 3.1)
    layout.picture[top:bottom, left:right] = fascia * 0.7
    left, top, right, bottom = layout.window(0.1, 2.55, width - 0.2, 0.65)
    layout.picture[top:bottom, left:right] = fascia
    layout.picture[top : top + 2, left:right] *= 1.25
    layout.picture[bottom : bottom + 4, left:right] *= 0.4
    _lettering(rng, layout.picture, layout.window(width * 0.2, 2.7, width * 0.6, 0.35), fascia)
    panes = max(2, round(width / 1.8))
    door = int(rng.integers(panes))
    step = (width - 0.4) / panes
    for number in range(panes):
        low, high = (0.1, 2.3) if number == door else (0.55, 1.9)
        bounds = layout.window(0.2 + number * step + 0.05, low, step - 0.1, high)
        _pane(rng, layout.picture, bounds, fascia * 0.8 + 20, (1, 1))
        if number != door:  # goods in the window
            for _ in range(int(rng.integers(3, 8))):
                x0 = int(rng.integers(bounds[0] + 3, max(bounds[2] - 8, bounds[0] + 4)))
                h = int(rng.integers(6, 22))
                goods = np.array(rng.uniform(50, 190, 3))
                layout.picture[
                    bounds[3] - 3 - h : bounds[3] - 3, x0 : x0 + int(rng.integers(4, 10))
                ] = goods


def _lettering(rng, picture: np.ndarray, bounds, fascia: np.ndarray) -> None:
    """Draw strokes that read as letters from afar."""
    left, top, right, bottom = bounds
    ink = (236, 230, 214) if fascia.mean() < 130 else (40, 36, 40)
    size = max(bottom - top, 6)
    x = left
    while x < right - size * 0.7:
        wide = int(size * rng.uniform(0.4, 0.75))
        for _ in range(int(rng.integers(2, 4))):
            ends = [(x + int(rng.integers(0, 2)) * wide, int(v)) for v in (top, bottom)]
            if rng.random() < 0.5:
                row = int(rng.choice((top, (top + bottom) // 2, bottom)))
                ends = [(x, row), (x + wide, row)]
            cv2.line(picture, ends[0], ends[1], ink, 2, cv2.LINE_AA)
        x += wide + max(3, size // 4)
        if rng.random() < 0.15:
            x += size // 2


def _office(rng, layout: _Layout, frame) -> None:
    strip = rng.random() < 0.5
    band = np.array(rng.uniform(0.7, 1.15, 1) * layout.picture.mean((0, 1)))
    width = layout.bay * layout.bays
    for floor in range(layout.floors):
        y = floor * layout.storey + (0.5 if floor == 0 else 0.9)
        high = layout.storey * (0.75 if floor == 0 else 0.52)
        if strip:
            left, top, right, bottom = layout.window(0, y - 0.3, width, high + 0.5)
            layout.picture[max(top, 0) : bottom, left:right] = band
            bounds = layout.window(0.15, y, width - 0.3, high)
            _pane(rng, layout.picture, bounds, frame, (1, layout.bays * 2))
        else:
            for bay in range(layout.bays):
                bounds = layout.window(bay * layout.bay + 0.3, y, layout.bay - 0.6, high)
                _pane(rng, layout.picture, bounds, frame, (1, 2))


def _roof(rng, width: float) -> np.ndarray:
    shape = (round(3.6 * _RESOLUTION), round(width * _RESOLUTION))
    base = np.array(((92, 92, 98), (122, 84, 66), (104, 92, 80))[int(rng.integers(3))])
    rows, columns = -(-shape[0] // 6), -(-shape[1] // 8)
    tone = rng.normal(1, 0.07, (rows, columns)).astype(np.float32)
    tone = np.repeat(np.repeat(tone, 6, 0), 8, 1)[: shape[0], : shape[1]]
    tone[5::6] *= 0.72
    moss = fractal_noise(rng, shape, (3, 3), octaves=4)
    return (tone * (1 + 0.06 * moss))[..., None] * base
