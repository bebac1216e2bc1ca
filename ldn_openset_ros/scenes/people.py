"""Pedestrians and cyclists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.scenes.mesh import SATIN, Mesh, box, ellipsoid, merge, ring, tube

_SKINS = ((224, 184, 158), (198, 152, 122), (140, 98, 72), (92, 62, 46))
_CLOTHES = (
    (30, 32, 38), (46, 50, 60), (64, 60, 58), (36, 48, 84), (96, 36, 40), (150, 40, 44),
    (190, 186, 178), (110, 104, 90), (60, 84, 64), (28, 28, 30), (120, 120, 126), (170, 120, 70),
)  # fmt: skip
_TROUSERS = ((30, 34, 48), (44, 54, 84), (26, 26, 28), (92, 84, 70), (58, 58, 62))
_HAIR = ((30, 24, 20), (70, 48, 30), (120, 90, 54), (150, 146, 140))
_HIGH_VISIBILITY = (205, 225, 40)


@dataclass(frozen=True)
class Person:
    """Looks of one person: height in metres and colours."""

    height: float
    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    coat: tuple[int, int, int]
    trousers: tuple[int, int, int]
    coat_length: float
    bag: bool


def draw_person(rng: np.random.Generator, high_visibility: float = 0.04) -> Person:
    """Draw the looks of a person."""

    def pick(colours):
        return colours[int(rng.integers(len(colours)))]

    coat = _HIGH_VISIBILITY if rng.random() < high_visibility else pick(_CLOTHES)
    return Person(
        float(rng.uniform(1.55, 1.9)), pick(_SKINS), pick(_HAIR), coat, pick(_TROUSERS),
        float(rng.uniform(0.0, 0.3)), bool(rng.random() < 0.35),
    )  # fmt: skip


def build_walker(person: Person, phase: float, fine: bool = True) -> Mesh:
    """Build a person walking forward; `phase` is the place in the gait, 0..1.

    fine: with smooth limbs; a coarse one, of a third of the faces, serves for far away.
    """
    limb, round_part = (7, 12) if fine else (4, 6)
    swing = np.sin(2 * np.pi * phase)
    parts = []
    for side in (-1, 1):
        stride = 0.24 * swing * side
        lift = 0.07 * max(0.0, -np.cos(2 * np.pi * phase) * side)
        hip, knee = (0.09 * side, 0.86, 0), (0.1 * side, 0.48 + lift, stride * 0.7 + lift)
        foot = (0.1 * side, 0.08 + lift, stride * 1.25)
        parts.append(tube(hip, knee, 0.09, 0.07, person.trousers, limb))
        parts.append(tube(knee, foot, 0.07, 0.05, person.trousers, limb))
        parts.append(box((foot[0], 0.05 + lift, foot[2] + 0.06), (0.1, 0.09, 0.27), (26, 22, 20)))
        shoulder, elbow = (0.2 * side, 1.38, 0), (0.26 * side, 1.1, -stride * 0.5)
        hand = (0.25 * side, 0.88, -stride * 0.9 + 0.06)
        parts.append(tube(shoulder, elbow, 0.065, 0.055, person.coat, limb))
        parts.append(tube(elbow, hand, 0.055, 0.04, person.coat, limb))
        parts.append(ellipsoid(hand, (0.04, 0.06, 0.05), person.skin, round_part // 2))
    parts += _trunk(person, 0.0, round_part)
    if person.coat_length > 0.1:
        hem = 0.85 - person.coat_length
        parts.append(tube((0, hem, 0), (0, 0.95, 0), 0.21, 0.17, person.coat, limb + 2))
    if person.bag:
        parts.append(box((0, 1.2, -0.2), (0.3, 0.42, 0.16), (50, 44, 52)))
    return merge(parts).scaled(person.height / 1.76)


def build_cyclist(person: Person, phase: float) -> Mesh:
    """Build a person on a bicycle riding forward; `phase` is the turn of the pedals, 0..1."""
    metal, tyre = (60, 64, 72), (24, 24, 25)
    parts = [ring((0, 0.34, z), 0.32, 0.025, tyre, 0, 14, 4) for z in (-0.5, 0.52)]
    joints = {
        "rear": (0, 0.34, -0.5), "front": (0, 0.34, 0.52), "crank": (0, 0.3, -0.05),
        "saddle": (0, 0.92, -0.22), "head": (0, 0.88, 0.36), "bar": (0, 1.02, 0.38),
    }  # fmt: skip
    for first, last in (
        ("rear", "crank"),
        ("rear", "saddle"),
        ("crank", "saddle"),
        ("crank", "head"),
        ("saddle", "head"),
        ("front", "head"),
        ("head", "bar"),
    ):
        parts.append(tube(joints[first], joints[last], 0.022, 0.022, metal, 5, SATIN, caps=False))
    parts.append(tube((-0.27, 1.03, 0.4), (0.27, 1.03, 0.4), 0.018, 0.018, tyre, 5))
    parts.append(box((0, 0.95, -0.24), (0.14, 0.06, 0.25), tyre))
    for side in (-1, 1):
        turn = 2 * np.pi * phase + (np.pi if side > 0 else 0)
        foot = (0.12 * side, 0.3 + 0.16 * np.cos(turn), -0.02 + 0.16 * np.sin(turn))
        knee = (0.13 * side, 0.72 + 0.1 * np.cos(turn), 0.2 + 0.04 * np.sin(turn))
        parts.append(tube((0.09 * side, 0.98, -0.2), knee, 0.095, 0.075, person.trousers, 7))
        parts.append(tube(knee, foot, 0.07, 0.05, person.trousers, 7))
        parts.append(box(foot, (0.09, 0.08, 0.26), (26, 22, 20)))
        parts.append(
            tube((0.19 * side, 1.44, 0.06), (0.25 * side, 1.2, 0.22), 0.065, 0.055, person.coat, 7)
        )
        parts.append(
            tube((0.25 * side, 1.2, 0.22), (0.23 * side, 1.05, 0.4), 0.055, 0.04, person.coat, 7)
        )
    trunk = merge(_trunk(person, 0.35)).moved((0, 0.1, -0.2))
    return merge([*parts, trunk])


def _trunk(person: Person, lean: float, sides: int = 12) -> list[Mesh]:
    """Build chest, neck and head upright at the origin, leaning forward by `lean` radians."""
    parts = [
        ellipsoid((0, 0.98, 0), (0.17, 0.16, 0.12), person.trousers, sides),
        tube((0, 0.92, 0), (0, 1.26, 0), 0.16, 0.19, person.coat, sides),
        ellipsoid((0, 1.28, 0), (0.215, 0.2, 0.135), person.coat, sides),
        tube((0, 1.4, 0), (0, 1.55, 0.01), 0.06, 0.055, person.skin, sides // 2),
        ellipsoid((0, 1.63, 0.015), (0.085, 0.12, 0.1), person.skin, sides - 2),
        ellipsoid((0, 1.695, -0.012), (0.094, 0.085, 0.108), person.hair, sides - 2),
    ]
    if not lean:
        return parts
    return [part.moved((0, -0.9, 0)).pitched(lean).moved((0, 0.9, 0)) for part in parts]
