"""Cars, vans and buses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ldn_openset_ros.scenes.mesh import (
    GLASS,
    GLOSSY,
    MATT,
    SATIN,
    Mesh,
    box,
    disc,
    loft,
    merge,
    panel,
    tube,
)

PAINTS = (
    (188, 190, 194), (150, 154, 160), (28, 30, 34), (52, 56, 62), (205, 205, 200),
    (28, 44, 96), (40, 70, 130), (140, 22, 26), (170, 36, 30), (30, 70, 52), (120, 100, 70),
    (90, 110, 130),
)  # fmt: skip
_GLASS_COLOUR = (26, 32, 36)
_TYRE, _RIM = (22, 22, 23), (118, 120, 124)


@dataclass(frozen=True)
class Body:
    """Measures of a vehicle in metres; places along it as shares of the length, rear to front.

    hood: height of the bonnet at the windscreen; deck: of the tail below the rear window.
    cabin: where rear window and windscreen start below; roof: where they end above.
    """

    length: float
    width: float
    height: float
    hood: float
    deck: float
    cabin: tuple[float, float]
    roof: tuple[float, float]


BODIES = (
    Body(4.0, 1.72, 1.48, 0.95, 0.95, (-0.5, 0.26), (-0.42, 0.08)),  # hatchback
    Body(4.5, 1.78, 1.44, 0.93, 0.98, (-0.36, 0.25), (-0.22, 0.06)),  # saloon
    Body(4.6, 1.8, 1.52, 0.95, 1.0, (-0.49, 0.25), (-0.44, 0.07)),  # estate
    Body(4.5, 1.88, 1.75, 1.12, 1.15, (-0.5, 0.24), (-0.45, 0.1)),  # off-roader
    Body(5.0, 1.95, 2.05, 1.15, 1.2, (-0.5, 0.38), (-0.49, 0.2)),  # van
)


def build_car(rng: np.random.Generator) -> Mesh:
    """Build a car or van of random make and paint; its origin is its centre on the ground."""
    body = BODIES[int(rng.choice(len(BODIES), p=(0.32, 0.24, 0.18, 0.14, 0.12)))]
    paint = np.array(PAINTS[int(rng.integers(len(PAINTS)))]) * rng.uniform(0.9, 1.1)
    blind = body.height > 2 and rng.random() < 0.6
    parts = [
        _lower_body(body, paint),
        *_cabin(body, paint, blind),
        *_wheels(body.length, body.width, 0.31 if body.height < 1.7 else 0.36),
        *_front(body),
        *_rear(body),
    ]
    return merge(parts)


def build_bus(rng: np.random.Generator) -> Mesh:
    """Build a bus with one or two decks."""
    length, width = 10.0, 2.5
    height = 4.2 if rng.random() < 0.5 else 3.0
    paint = np.array(((176, 30, 32), (200, 200, 196), (40, 90, 140))[int(rng.integers(3))], float)
    parts = [box((0, height / 2 + 0.15, 0), (width, height - 0.3, length), paint, SATIN)]
    for floor in (1.35, 3.05)[: 2 if height > 4 else 1]:
        top = floor + 0.95
        for side in (-1, 1):
            for start in np.arange(-length / 2 + 0.3, length / 2 - 1, 1.5):
                x, stop = side * (width / 2 + 0.01), start + 1.35
                parts.append(
                    panel(
                        ((x, floor, start), (x, floor, stop), (x, top, stop), (x, top, start)),
                        (side, 0, 0), _GLASS_COLOUR, GLASS, 0.6,
                    )
                )  # fmt: skip
        for end in (-1, 1):
            parts.append(
                _end_panel(end, length, width * 0.44, floor - 0.1, top, _GLASS_COLOUR, GLASS)
            )
    parts += _wheels(length, width, 0.5)
    parts.append(_end_panel(1, length, 0.6, height - 0.42, height - 0.1, (240, 190, 60), MATT))
    for side in (-1, 1):
        parts.append(_lamp(-1, length, side * 1.0, 0.8, (0.12, 0.2), (190, 24, 20)))
        parts.append(_lamp(1, length, side * 0.95, 0.6, (0.16, 0.12), (245, 240, 220)))
    return merge(parts)


def _lower_body(body: Body, paint: np.ndarray) -> Mesh:
    # Stations along the car: place, width share, lower edge, upper edge.
    tail, nose = body.deck, body.hood
    stations = (
        (-0.5, 0.86, 0.38, tail - 0.12),
        (-0.485, 0.93, 0.3, tail - 0.02),
        (-0.42, 0.98, 0.22, tail),
        (-0.2, 1.0, 0.2, tail),
        (0.0, 1.0, 0.2, (tail + nose) / 2),
        (0.22, 1.0, 0.2, nose),
        (0.36, 0.98, 0.22, nose - 0.06),
        (0.45, 0.93, 0.24, nose - 0.16),
        (0.485, 0.86, 0.28, nose - 0.26),
        (0.5, 0.76, 0.34, nose - 0.36),
    )
    sections = []
    for place, share, low, high in stations:
        half, z = share * body.width / 2, place * body.length
        side = (
            (0.9 * half, low),
            (half, low + 0.12),
            (1.0 * half, 0.6 * high + 0.4 * low),
            (0.95 * half, high - 0.08),
            (0.84 * half, high),
            (0.4 * half, high + 0.02),
        )
        right = [(x, y, z) for x, y in side]
        sections.append(right + [(-x, y, z) for x, y, _ in reversed(right)])
    mesh = loft(_rounded(np.array(sections)), paint, GLOSSY)
    # The sill and the belly lie in the car's own shade.
    height = mesh.corners[..., 1].mean(1)
    albedo = np.where(height[:, None] < 0.3, mesh.albedo * 0.25, mesh.albedo)
    return mesh.coloured(albedo)


def _rounded(sections: np.ndarray) -> np.ndarray:
    """Put a smoothed outline between each two, so that nose and tail are curved."""
    between = (sections[:-1] + sections[1:]) / 2
    bulge = np.zeros_like(between)
    bulge[1:-1] = (between[1:-1] * 2 - between[:-2] - between[2:]) / 8
    filled = np.empty((2 * len(sections) - 1, *sections.shape[1:]))
    filled[::2], filled[1::2] = sections, between + bulge
    return filled


def _cabin(body: Body, paint: np.ndarray, blind: bool) -> list[Mesh]:
    low = (body.deck - 0.01, body.hood - 0.01)
    bottom = [share * body.length for share in body.cabin]
    top = [share * body.length for share in body.roof]
    wide, narrow = 0.44 * body.width, 0.36 * body.width
    if body.height > 2:
        narrow = 0.42 * body.width
    roof = body.height

    def side_point(along: float, up: float, side: int) -> tuple[float, float, float]:
        base = low[0] + (low[1] - low[0]) * along
        z = (bottom[0] + (bottom[1] - bottom[0]) * along) * (1 - up) + (
            top[0] + (top[1] - top[0]) * along
        ) * up
        return (side * (wide + (narrow - wide) * up), base + (roof - base) * up, z)

    def patch(
        side: int, first: float, last: float, below: float, above: float, colour, gloss, rank
    ):
        corners = [
            side_point(first, below, side), side_point(last, below, side),
            side_point(last, above, side), side_point(first, above, side),
        ]  # fmt: skip
        return panel(corners, (side, 0.3, 0), colour, gloss, rank)

    parts = []
    for side in (-1, 1):
        for first in np.arange(0, 1, 0.25):
            parts.append(patch(side, first, first + 0.25, 0, 1, paint, GLOSSY, 0.0))
        windows = ((0.06, 0.46), (0.5, 0.93)) if not blind else ((0.72, 0.95),)
        for first, last in windows:
            parts.append(patch(side, first, last, 0.1, 0.86, _GLASS_COLOUR, GLASS, 0.3))
        mirror_z = bottom[1] - 0.45
        parts.append(
            box(
                (side * (wide + 0.14), body.hood + 0.06, mirror_z),
                (0.2, 0.14, 0.1),
                paint * 0.8,
                SATIN,
            )
        )
    for end in (0, 1):
        outer = [side_point(end, u, s) for u, s in ((0, -1), (0, 1), (1, 1), (1, -1))]
        facing = (0, 0.5, 2 * end - 1)
        parts.append(panel(outer, facing, paint, GLOSSY, 0.0))
        inner = np.array(
            [side_point(end, u, s) for u, s in ((0.06, -1), (0.06, 1), (0.92, 1), (0.92, -1))]
        )
        inner[:, 0] *= 0.93
        if not (blind and end == 0):
            parts.append(panel(inner, facing, _GLASS_COLOUR, GLASS, 0.3))
    edge = [(side_point(a, 1, -1), side_point(a, 1, 1)) for a in (0, 0.33, 0.67, 1)]
    for (left, right), (next_left, next_right) in pairwise(edge):
        middle = [
            np.mean((a, b), axis=0) + (0, 0.04, 0)
            for a, b in ((left, right), (next_left, next_right))
        ]
        parts.append(panel((left, middle[0], middle[1], next_left), (0, 1, 0), paint, GLOSSY, 0.0))
        parts.append(
            panel((middle[0], right, next_right, middle[1]), (0, 1, 0), paint, GLOSSY, 0.0)
        )
    return parts


def _wheels(length: float, width: float, radius: float) -> list[Mesh]:
    parts = []
    for z in (-0.31 * length, 0.31 * length):
        for side in (-1, 1):
            outer = side * width / 2
            inner, axis = outer - side * 0.22, (side, 0, 0)
            parts += (
                tube(
                    (inner, radius, z), (outer, radius, z), radius, radius, _TYRE, 14, caps=False
                ),
                disc((outer, radius, z), radius, axis, _TYRE, 14, rank=0.6),
                disc((outer, radius, z), 0.62 * radius, axis, _RIM, 12, SATIN, 1.2),
                disc((outer, radius, z), 0.2 * radius, axis, (60, 60, 62), 8, SATIN, 1.6),
            )
    return parts


def _front(body: Body) -> list[Mesh]:
    length, nose = body.length, body.hood - 0.3
    half = 0.33 * body.width
    parts = [
        _end_panel(1, length, 0.55 * half, nose - 0.16, nose - 0.04, (24, 24, 26), SATIN),
        _end_panel(1, length, 0.9 * half, 0.3, 0.4, (26, 26, 28), MATT),
        _end_panel(1, length, 0.26, 0.42, 0.53, (225, 225, 220), MATT),
    ]
    parts += [
        _lamp(1, length, s * half, nose - 0.08, (0.18, 0.1), (235, 238, 240)) for s in (-1, 1)
    ]
    return parts


def _rear(body: Body) -> list[Mesh]:
    length, tail = body.length, body.deck - 0.2
    half = 0.38 * body.width
    parts = [
        _end_panel(-1, length, 0.95 * half, 0.36, 0.46, (30, 30, 32), MATT),
        _end_panel(-1, length, 0.26, tail - 0.18, tail - 0.07, (215, 180, 50), MATT),
    ]
    parts += [
        _lamp(-1, length, s * half, tail - 0.04, (0.13, 0.2), (170, 20, 18)) for s in (-1, 1)
    ]
    return parts


def _end_panel(end, length, half, low, high, colour, gloss) -> Mesh:
    z = end * (length / 2 + 0.015)
    corners = ((-half, low, z), (half, low, z), (half, high, z), (-half, high, z))
    return panel(corners, (0, 0, end), colour, gloss, 0.5)


def _lamp(end, length, x, y, size, colour) -> Mesh:
    z = end * (length / 2 + 0.01)
    across, up = size
    corners = ((x - across, y - up / 2, z), (x + across, y - up / 2, z),
               (x + across, y + up / 2, z), (x - across, y + up / 2, z))  # fmt: skip
    return panel(corners, (0, 0, end), colour, GLOSSY, 0.5)
