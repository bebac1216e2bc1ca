"""Things that no road taxonomy knows: animals, furniture, lost cargo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ldn_openset_ros.scenes.mesh import (
    GLOSSY,
    SATIN,
    Mesh,
    box,
    disc,
    ellipsoid,
    merge,
    panel,
    ring,
    tube,
)


@dataclass(frozen=True)
class Animal:
    """Measures of a four-legged animal in metres, and its coat.

    body, head: radii across, up and along; neck: how far it reaches up and ahead; leg: height of
    the belly; thick: radius of the lower legs; patches: second colour of a spotted coat.
    """

    leg: float
    body: tuple[float, float, float]
    neck: tuple[float, float]
    head: tuple[float, float, float]
    coat: tuple[int, int, int]
    thick: float
    patches: tuple[int, int, int] | None = None
    horns: float = 0.0
    trunk: bool = False
    woolly: bool = False


_ANIMALS = {
    "cow": Animal(
        leg=0.75,
        body=(0.38, 0.42, 0.85),
        neck=(0.15, 0.35),
        head=(0.13, 0.15, 0.27),
        coat=(226, 220, 210),
        thick=0.09,
        patches=(38, 30, 28),
        horns=0.16,
    ),
    "horse": Animal(
        leg=0.95,
        body=(0.3, 0.36, 0.8),
        neck=(0.5, 0.42),
        head=(0.12, 0.16, 0.33),
        coat=(112, 68, 40),
        thick=0.08,
    ),
    "deer": Animal(
        leg=0.8,
        body=(0.2, 0.25, 0.52),
        neck=(0.4, 0.22),
        head=(0.09, 0.1, 0.18),
        coat=(156, 104, 62),
        thick=0.045,
        patches=(190, 150, 110),
        horns=0.5,
    ),
    "sheep": Animal(
        leg=0.4,
        body=(0.28, 0.3, 0.48),
        neck=(0.1, 0.22),
        head=(0.09, 0.11, 0.17),
        coat=(214, 206, 188),
        thick=0.05,
        woolly=True,
    ),
    "elephant": Animal(
        leg=1.25,
        body=(0.75, 0.85, 1.35),
        neck=(0.15, 0.4),
        head=(0.42, 0.5, 0.5),
        coat=(122, 116, 112),
        thick=0.24,
        trunk=True,
    ),
    "pig": Animal(
        leg=0.32,
        body=(0.26, 0.28, 0.52),
        neck=(0.02, 0.25),
        head=(0.15, 0.16, 0.23),
        coat=(224, 168, 156),
        thick=0.07,
    ),
}


def _animal(name: str) -> Callable[[np.random.Generator, float], Mesh]:
    def build(rng: np.random.Generator, phase: float) -> Mesh:
        return build_animal(_ANIMALS[name], rng, phase)

    return build


def build_animal(animal: Animal, rng: np.random.Generator, phase: float) -> Mesh:
    """Build an animal walking forward; `phase` is the place in its gait, 0..1."""
    wide, high, long = animal.body
    middle = animal.leg + 0.62 * high
    coat = np.array(animal.coat) * rng.uniform(0.9, 1.05)
    parts = [
        ellipsoid((0, middle, 0), (wide, high, long), coat, 18),
        ellipsoid((0, middle + 0.05 * high, -0.55 * long), (wide * 0.95, high * 0.92, long * 0.45),
                  coat, 14),
        ellipsoid((0, middle + 0.08 * high, 0.55 * long), (wide * 0.9, high * 0.95, long * 0.42),
                  coat, 14),
    ]  # fmt: skip
    if animal.woolly:
        for _ in range(16):
            place = rng.normal(0, 1, 3)
            place *= np.array(animal.body) * 0.8 / np.linalg.norm(place)
            parts.append(ellipsoid(place + (0, middle, 0), (0.13, 0.13, 0.15), coat, 8))
    parts += _legs(animal, coat, phase)
    parts += _neck_and_head(animal, coat, middle)
    mesh = merge(parts)
    if animal.patches is not None:
        mesh = _patched(mesh, animal.patches, rng)
    return mesh


def _legs(animal: Animal, coat: np.ndarray, phase: float) -> list[Mesh]:
    wide, high, long = animal.body
    parts = []
    for number, (side, end) in enumerate(((-1, 1), (1, 1), (-1, -1), (1, -1))):
        turn = 2 * np.pi * (phase + (0, 0.5, 0.25, 0.75)[number])
        stride, lift = 0.22 * animal.leg * np.sin(turn), 0.1 * animal.leg * max(0, np.cos(turn))
        x, z = side * wide * 0.62, end * long * 0.72
        hip, knee = (x, animal.leg + 0.3 * high, z), (x, animal.leg * 0.5 + lift, z + 0.5 * stride)
        foot = (x, lift, z + stride)
        upper, shin = animal.thick * 1.7, animal.thick * 0.8
        parts.append(tube(hip, knee, upper, animal.thick, coat * 0.95, 8, caps=False))
        parts.append(tube(knee, foot, animal.thick, shin, coat * 0.85, 8, caps=False))
        hoof = (foot[0], foot[1] + 0.04, foot[2])
        parts.append(tube(foot, hoof, animal.thick, animal.thick, (40, 34, 30), 8))
    return parts


def _neck_and_head(animal: Animal, coat: np.ndarray, middle: float) -> list[Mesh]:
    wide, high, long = animal.body
    up, ahead = animal.neck
    base = np.array((0, middle + 0.35 * high, 0.72 * long))
    top = base + (0, up, ahead)
    head_wide, head_high, head_long = animal.head
    head = top + (0, 0.02, head_long * 0.55)
    dark = coat * 0.5
    parts = [
        tube(base - (0, 0.1, 0.1), top, 0.62 * min(wide, high), 0.85 * head_high, coat, 10,
             caps=False),
        ellipsoid(head, animal.head, coat, 12),
        ellipsoid(head + (0, -0.3 * head_high, 0.7 * head_long),
                  (head_wide * 0.75, head_high * 0.65, head_long * 0.45), coat * 0.8, 10),
        tube((0, middle + 0.4 * high, -0.98 * long), (0, middle - 0.5 * high, -1.08 * long),
             0.035, 0.05, dark, 6),
    ]  # fmt: skip
    for side in (-1, 1):
        if animal.trunk:
            ear = ellipsoid((0, 0, 0), (0.38, 0.5, 0.07), coat * 0.92, 12).turned(side * 0.6)
            parts.append(ear.moved(head + (side * 0.55, 0.05, -0.2)))
            tusk = head + (side * 0.2, -0.35, 0.35)
            parts.append(
                tube(tusk, tusk + (side * 0.05, -0.25, 0.35), 0.06, 0.02, (232, 226, 206), 7)
            )
        else:
            ear = head + (side * head_wide * 0.9, head_high * 0.75, -head_long * 0.45)
            parts.append(ellipsoid(ear, (0.07, 0.05, 0.03), coat * 0.8, 6))
        if animal.horns:
            foot = head + (side * head_wide * 0.5, head_high * 0.8, -head_long * 0.4)
            tip = foot + (side * 0.6 * animal.horns, animal.horns, -0.1)
            parts.append(tube(foot, tip, 0.03, 0.012, (170, 150, 120), 6))
            if animal.horns > 0.3:
                middle_tip = (foot + tip) / 2
                parts.append(
                    tube(middle_tip, middle_tip + (0, 0.22, 0.15), 0.02, 0.01, (170, 150, 120), 5)
                )
    if animal.trunk:
        joints = head + np.array(
            ((0, -0.15, 0.42), (0, -0.65, 0.68), (0, -1.15, 0.66), (0, -1.5, 0.8))
        )
        for number in range(3):
            parts.append(
                tube(
                    joints[number],
                    joints[number + 1],
                    0.19 - 0.045 * number,
                    0.15 - 0.045 * number,
                    coat * 0.95,
                    9,
                )
            )
    return parts


def _patched(mesh: Mesh, colour: tuple[int, int, int], rng: np.random.Generator) -> Mesh:
    """Give the faces about a few random places another colour."""
    centres = mesh.corners.mean(1)
    seeds = centres[rng.integers(len(centres), size=9)]
    reach = rng.uniform(0.14, 0.36, 9)
    distance = np.linalg.norm(centres[:, None] - seeds[None], axis=2)
    inside = (distance < reach).any(1)[:, None]
    return mesh.coloured(np.where(inside, np.array(colour, np.float32), mesh.albedo))


def _sofa(rng: np.random.Generator, _phase: float) -> Mesh:
    colour = np.array(
        ((150, 44, 40), (60, 96, 86), (176, 140, 84), (86, 70, 110))[int(rng.integers(4))]
    )
    parts = [
        box((0, 0.3, 0), (1.9, 0.3, 0.85), colour * 0.8),
        box((0, 0.7, -0.36), (1.9, 0.75, 0.22), colour).pitched(-0.08),
        box((0, 0.08, 0), (1.7, 0.12, 0.7), (50, 36, 26)),
    ]
    for side in (-1, 1):
        parts.append(box((side * 0.92, 0.45, 0), (0.22, 0.55, 0.88), colour * 0.95))
        parts.append(
            tube((side * 0.92, 0.74, -0.42), (side * 0.92, 0.74, 0.44), 0.12, 0.12, colour, 9)
        )
        parts.append(box((side * 0.41, 0.52, 0.06), (0.8, 0.16, 0.7), colour * 1.08, taper=0.93))
        parts.append(box((side * 0.41, 0.78, -0.2), (0.78, 0.46, 0.16), colour * 1.04, taper=0.9))
    return merge(parts).turned(np.pi + rng.uniform(-0.7, 0.7))


def _boxes(rng: np.random.Generator, _phase: float) -> Mesh:
    parts = []
    for place, base in (
        ((-0.38, 0.1), 0),
        ((0.4, -0.05), 0),
        ((0.02, 0.05), 1),
        ((0.55, 0.85), 0),
    ):
        size = rng.uniform((0.55, 0.45, 0.5), (0.75, 0.62, 0.7))
        card = np.array((176, 136, 92)) * rng.uniform(0.85, 1.12)
        low = 0.5 * base
        carton = [box((0, low + size[1] / 2, 0), size, card)]
        for end in (-1, 1):  # adhesive tape and a label
            z, top = end * (size[2] / 2 + 0.005), low + size[1]
            carton.append(
                panel(
                    ((-0.04, low, z), (0.04, low, z), (0.04, top, z), (-0.04, top, z)),
                    (0, 0, end),
                    card * 1.22,
                    SATIN,
                    0.2,
                )
            )
            a, b = 0.08, 0.24
            carton.append(
                panel(
                    (
                        (a, low + 0.12, z),
                        (b, low + 0.12, z),
                        (b, low + 0.26, z),
                        (a, low + 0.26, z),
                    ),
                    (0, 0, end),
                    (226, 224, 216),
                    0.0,
                    0.2,
                )
            )
        tape = low + size[1] + 0.004
        carton.append(
            panel(
                (
                    (-0.04, tape, -size[2] / 2),
                    (0.04, tape, -size[2] / 2),
                    (0.04, tape, size[2] / 2),
                    (-0.04, tape, size[2] / 2),
                ),
                (0, 1, 0),
                card * 1.2,
                SATIN,
                0.2,
            )
        )
        parts.append(merge(carton).turned(rng.uniform(-0.5, 0.5)).moved((place[0], 0, place[1])))
    return merge(parts)


def _tyres(rng: np.random.Generator, _phase: float) -> Mesh:
    parts = []
    for number in range(int(rng.integers(3, 6))):
        place = (rng.uniform(-0.06, 0.06), 0.11 + 0.21 * number, rng.uniform(-0.06, 0.06))
        parts.append(ring(place, 0.24, 0.105, (40, 40, 42), 1, 20, 8))
    lying = ring((0, 0, 0), 0.24, 0.105, (46, 46, 47), 1, 20, 8)
    parts.append(lying.rolled(1.1).moved((0.62, 0.3, 0.1)))
    return merge(parts)


def _ball(rng: np.random.Generator, _phase: float) -> Mesh:
    mesh = ellipsoid((0, 0, 0), (0.6, 0.6, 0.6), (230, 226, 216), 24, SATIN)
    around = np.arctan2(mesh.corners.mean(1)[:, 0], mesh.corners.mean(1)[:, 2])
    sector = np.floor((around / (2 * np.pi) + 0.5) * 6 - 1e-3).astype(int) % 6
    colours = np.array(
        (
            (210, 40, 40),
            (240, 236, 226),
            (40, 90, 190),
            (240, 236, 226),
            (236, 190, 40),
            (240, 236, 226),
        )
    )
    mesh = mesh.coloured(colours[sector])
    return mesh.pitched(rng.uniform(0.3, 1.2)).turned(rng.uniform(0, 6)).moved((0, 0.6, 0))


def _duck(rng: np.random.Generator, _phase: float) -> Mesh:
    yellow, beak = np.array((240, 200, 40)), (226, 110, 30)
    parts = [
        ellipsoid((0, 0.5, 0), (0.55, 0.5, 0.75), yellow, 18, SATIN),
        ellipsoid((0, 0.75, -0.7), (0.26, 0.22, 0.3), yellow, 10, SATIN),
        ellipsoid((0, 1.2, 0.35), (0.38, 0.38, 0.38), yellow, 16, SATIN),
        ellipsoid((0, 1.12, 0.75), (0.19, 0.07, 0.2), beak, 10, SATIN),
    ]
    for side in (-1, 1):
        parts.append(
            ellipsoid((side * 0.5, 0.58, -0.1), (0.12, 0.26, 0.42), yellow * 0.93, 10, SATIN)
        )
        parts.append(
            ellipsoid((side * 0.2, 1.3, 0.66), (0.06, 0.07, 0.05), (20, 20, 20), 8, GLOSSY)
        )
    return merge(parts).scaled(1.15).turned(np.pi + rng.uniform(-1, 1))


def _barrel(rng: np.random.Generator, _phase: float) -> Mesh:
    colour = np.array(((36, 92, 150), (170, 60, 34), (64, 110, 70))[int(rng.integers(3))])

    def drum() -> Mesh:
        heights, radii = (0, 0.28, 0.3, 0.58, 0.6, 0.88), (0.29, 0.29, 0.305, 0.305, 0.29, 0.29)
        parts = [
            tube(
                (0, a, 0),
                (0, b, 0),
                p,
                q,
                colour * (0.94 if i % 2 else 1.0),
                16,
                SATIN,
                caps=i in (0, 4),
            )
            for i, (a, b, p, q) in enumerate(
                zip(heights[:-1], heights[1:], radii[:-1], radii[1:], strict=True)
            )
        ]
        parts.append(ring((0, 0.88, 0), 0.28, 0.015, colour * 0.8, 1, 16, 4))
        rust = _patched(merge(parts), (104, 70, 48), rng)
        return rust

    lying = drum().moved((0, -0.44, 0)).rolled(np.pi / 2).turned(rng.uniform(-1, 1))
    return merge((drum(), drum().moved((0.66, 0, 0.2)), lying.moved((-0.8, 0.3, -0.3))))


def _log(rng: np.random.Generator, _phase: float) -> Mesh:
    bark, wood = np.array((92, 72, 54)), (196, 160, 112)
    parts = []
    for start, end, radius in (
        ((-1.5, 0.26, 0), (0, 0.3, 0.1), 0.26),
        ((0, 0.3, 0.1), (1.4, 0.24, 0), 0.25),
    ):
        trunk = tube(start, end, radius, radius * 0.95, bark, 14, caps=False)
        parts.append(trunk.coloured(bark * rng.uniform(0.7, 1.25, (len(trunk.albedo), 1))))
    for x, sign in ((-1.5, -1), (1.4, 1)):
        for radius, colour, rank in ((0.25, wood, 0.3), (0.12, (160, 120, 80), 0.7)):
            parts.append(
                disc((x + 0.01 * sign, 0.26, 0), radius, (sign, 0, 0), colour, 14, rank=rank)
            )
    for x, tip in ((-0.6, (-0.9, 1.1, 0.3)), (0.5, (0.8, 0.95, -0.3)), (0.9, (1.5, 0.7, 0.4))):
        parts.append(tube((x, 0.35, 0), tip, 0.08, 0.03, bark * 0.9, 7))
        for _ in range(5):
            leaf = np.array(tip) + rng.normal(0, 0.16, 3)
            parts.append(
                ellipsoid(
                    leaf, (0.2, 0.14, 0.2), np.array((84, 102, 48)) * rng.uniform(0.7, 1.2), 7
                )
            )
    return merge(parts).turned(rng.uniform(-0.4, 0.4))


def _rocks(rng: np.random.Generator, _phase: float) -> Mesh:
    parts = []
    for number in range(9):
        size = rng.uniform(0.22, 0.5) * (1.3 if number < 3 else 0.8)
        place = (rng.normal(0, 0.5), size * 0.66, rng.normal(0, 0.4))
        rock = ellipsoid((0, 0, 0), (size, size * 0.7, size * 0.9), (128, 122, 112), 9)
        bumps = 1 + 0.16 * np.sin(rock.corners @ rng.normal(0, 4 / size, 3) + rng.uniform(0, 6))
        rough = replace(rock, corners=(rock.corners * bumps[..., None]).astype(np.float32))
        tone = rng.uniform(0.7, 1.15, (len(rough.albedo), 1))
        parts.append(rough.coloured(rough.albedo * tone).turned(rng.uniform(0, 6)).moved(place))
    return merge(parts)


def _fridge(rng: np.random.Generator, _phase: float) -> Mesh:
    white = np.array((224, 226, 226))
    parts = [box((0, 0.85, 0), (0.65, 1.7, 0.65), white, SATIN)]
    for low, high in ((0.06, 1.12), (1.15, 1.68)):
        parts.append(
            panel(
                (
                    (-0.31, low, 0.335),
                    (0.31, low, 0.335),
                    (0.31, high, 0.335),
                    (-0.31, high, 0.335),
                ),
                (0, 0, 1),
                white * 1.04,
                GLOSSY,
                0.2,
            )
        )
        handle = box((-0.25, (low + high) / 2, 0.37), (0.05, 0.4, 0.06), (70, 72, 76), SATIN)
        parts.append(handle.ranked(0.3))
    for low in (0.0, 1.11):
        parts.append(
            panel(
                (
                    (-0.32, low, 0.33),
                    (0.32, low, 0.33),
                    (0.32, low + 0.06, 0.33),
                    (-0.32, low + 0.06, 0.33),
                ),
                (0, 0, 1),
                (60, 62, 64),
                SATIN,
                0.1,
            )
        )
    return merge(parts).rolled(rng.uniform(-0.06, 0.06)).turned(np.pi + rng.uniform(-0.8, 0.8))


WALKING: dict[str, Callable[[np.random.Generator, float], Mesh]] = {
    name: _animal(name) for name in _ANIMALS
}
"""Builders of what crosses the road; called with a generator and the phase of the gait."""

STANDING: dict[str, Callable[[np.random.Generator, float], Mesh]] = {
    "sofa": _sofa, "boxes": _boxes, "tyres": _tyres, "ball": _ball, "duck": _duck,
    "barrel": _barrel, "log": _log, "rocks": _rocks, "fridge": _fridge,
}  # fmt: skip
"""Builders of what lies about."""
