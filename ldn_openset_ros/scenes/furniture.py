"""Street furniture: lamp posts, signs, traffic lights, fences."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.scenes.mesh import MATT, SATIN, Mesh, box, disc, merge, tube
from ldn_openset_ros.scenes.surfaces import Texture, cut_out, opaque

_PLATE = 96


def build_lamp_post(rng: np.random.Generator, arm_side: int) -> Mesh:
    """Build a lamp post whose arm reaches out to `arm_side` (-1 left, 1 right)."""
    grey = np.array((96, 100, 98)) * rng.uniform(0.5, 1.2)
    height, reach = float(rng.uniform(5.5, 8.5)), float(rng.uniform(0.8, 1.6))
    return merge((
        tube((0, 0, 0), (0, 1.2, 0), 0.1, 0.09, grey, 8, SATIN),
        tube((0, 1.2, 0), (0, height, 0), 0.065, 0.045, grey, 8, SATIN),
        tube((0, height, 0), (arm_side * reach, height + 0.35, 0), 0.04, 0.035, grey, 6, SATIN),
        box((arm_side * (reach + 0.25), height + 0.36, 0), (0.65, 0.13, 0.26), grey * 0.9, SATIN),
    ))  # fmt: skip


def build_bollard() -> Mesh:
    """Build a low iron post."""
    return merge((
        tube((0, 0, 0), (0, 0.9, 0), 0.08, 0.065, (34, 36, 38), 8, SATIN),
        tube((0, 0.9, 0), (0, 1.0, 0), 0.085, 0.06, (40, 42, 44), 8, SATIN),
    ))  # fmt: skip


def build_sign_post(height: float) -> Mesh:
    """Build the post of a sign."""
    return tube((0, 0, 0), (0, height, 0), 0.04, 0.04, (120, 122, 122), 6, SATIN)


def build_traffic_light(rng: np.random.Generator) -> Mesh:
    """Build the head of a traffic light, to be hung at 2.2 m; one lamp is lit."""
    lit = int(rng.choice((0, 2)))
    colours = (
        ((230, 40, 30), (70, 18, 16)),
        ((240, 170, 30), (70, 52, 16)),
        ((60, 230, 110), (16, 66, 36)),
    )
    parts = [box((0, 2.75, 0), (0.32, 1.0, 0.25), (22, 24, 24), MATT)]
    for number, (bright, dark) in enumerate(colours):
        y = 3.07 - 0.32 * number
        colour = bright if number == lit else dark
        parts.append(disc((0, y, -0.14), 0.11, (0, 0, -1), colour, 10, rank=0.3))
    return merge(parts)


def build_sign_plate(rng: np.random.Generator) -> tuple[Texture, float, float]:
    """Build a sign: its texture, its width and its height in metres."""
    kind = str(rng.choice(("limit", "warning", "order", "direction", "no_entry", "parking")))
    plate = np.zeros((_PLATE, _PLATE, 4), np.uint8)
    middle, radius = (_PLATE // 2, _PLATE // 2), _PLATE // 2 - 3
    if kind == "limit":
        cv2.circle(plate, middle, radius, (196, 28, 36, 255), -1, cv2.LINE_AA)
        cv2.circle(plate, middle, int(radius * 0.76), (238, 238, 236, 255), -1, cv2.LINE_AA)
        text = str(rng.choice(("20", "30", "40")))
        cv2.putText(plate, text, (21, 62), cv2.FONT_HERSHEY_DUPLEX, 1.4, (24, 24, 24, 255), 4)
    elif kind == "no_entry":
        cv2.circle(plate, middle, radius, (196, 28, 36, 255), -1, cv2.LINE_AA)
        cv2.rectangle(plate, (18, 40), (78, 56), (238, 238, 236, 255), -1)
    elif kind == "order":
        cv2.circle(plate, middle, radius, (28, 84, 168, 255), -1, cv2.LINE_AA)
        cv2.arrowedLine(
            plate, (48, 78), (48, 20), (238, 238, 236, 255), 8, cv2.LINE_AA, tipLength=0.4
        )
    elif kind == "warning":
        corners = np.array(((48, 6), (92, 88), (4, 88)))
        cv2.fillConvexPoly(plate, corners, (196, 28, 36, 255), cv2.LINE_AA)
        inner = ((corners - corners.mean(0)) * 0.66 + corners.mean(0)).astype(int)
        cv2.fillConvexPoly(plate, inner, (238, 238, 236, 255), cv2.LINE_AA)
        cv2.line(plate, (48, 46), (48, 68), (24, 24, 24, 255), 7)
        cv2.circle(plate, (48, 78), 4, (24, 24, 24, 255), -1)
    else:
        blue = kind == "parking"
        ground = (
            (30, 76, 156, 255)
            if blue
            else ((20, 92, 64, 255) if rng.random() < 0.5 else (236, 236, 232, 255))
        )
        ink = (238, 238, 236, 255) if ground[0] < 100 else (24, 24, 28, 255)
        cv2.rectangle(plate, (1, 1), (_PLATE - 2, _PLATE - 2), ground, -1)
        cv2.rectangle(plate, (4, 4), (_PLATE - 5, _PLATE - 5), ink, 2)
        if blue:
            cv2.putText(plate, "P", (22, 74), cv2.FONT_HERSHEY_DUPLEX, 2.4, ink, 6)
        else:
            for row in (24, 46, 68):
                cv2.line(plate, (14, row), (int(rng.integers(50, 66)), row), ink, 6)
                cv2.arrowedLine(plate, (70, row), (86, row), ink, 4, tipLength=0.6)
    width = {"direction": 1.5, "parking": 0.55}.get(kind, float(rng.uniform(0.6, 0.8)))
    height = {"direction": 0.9, "parking": 0.7}.get(kind, width)
    return cut_out(plate), width, height


def build_railing(rng: np.random.Generator) -> tuple[Texture, float]:
    """Build 8 m of iron railing: its texture and its height in metres."""
    picture = np.zeros((88, 160, 4), np.uint8)
    tone = float(rng.choice((30, 44, 150)))
    ink = (tone, tone, tone * 1.03, 255.0)
    for column in range(4, 160, 10):
        cv2.line(picture, (column, 8), (column, 87), ink, 2)
    for row, thick in ((8, 4), (78, 3)):
        cv2.line(picture, (0, row), (159, row), ink, thick)
    for column in (1, 158):
        cv2.line(picture, (column, 2), (column, 87), ink, 4)
    extent = np.zeros((88, 160), np.uint8)
    extent[6:] = 255
    picture, extent = np.tile(picture, (1, 4, 1)), np.tile(extent, (1, 4))
    return cut_out(picture, extent), float(rng.uniform(1.0, 1.25))


def build_board_fence(rng: np.random.Generator) -> tuple[Texture, float]:
    """Build 8 m of boarded fence: its texture and its height in metres."""
    shape = (120, 160)
    base = np.array(((132, 100, 70), (104, 84, 66), (146, 130, 110))[int(rng.integers(3))])
    tone = np.repeat(rng.normal(1, 0.09, 16), 10)[None] * np.ones((shape[0], 1))
    tone += rng.normal(0, 0.02, (1, shape[1])) + rng.normal(0, 0.03, shape)
    tone[:, ::10] *= 0.5
    tone[:, :5] *= 1.12
    tone[4:9] *= 1.1
    return opaque(np.tile(tone, (1, 4))[..., None] * base), float(rng.uniform(1.5, 1.9))
