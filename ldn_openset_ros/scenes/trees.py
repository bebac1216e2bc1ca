"""Sprites of trees and the foliage of hedges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ldn_openset_ros.scenes.noise import fractal_noise
from ldn_openset_ros.scenes.surfaces import Texture, cut_out, opaque

_SIZE = 288
_CLUMPS, _LEAVES = 70, 120
_LEAF = ((0, 0), (1, 0), (0, 1), (1, 1), (-1, 0), (0, -1), (2, 1), (1, 2))
"""Pixels of a leaf about its place."""
_GREENS = ((86, 104, 50), (70, 92, 44), (98, 108, 56), (62, 82, 48), (112, 104, 52))
_BARKS = ((88, 76, 64), (72, 64, 56), (98, 90, 78))


@dataclass(frozen=True)
class Tree:
    """A sprite of `height` by `width` metres, standing on its lower edge."""

    height: float
    width: float
    texture: Texture


def build_tree(rng: np.random.Generator, sun_side: float) -> Tree:
    """Build a tree in leaf, or a bare one.

    sun_side: x of the sun's direction, -1 light from the left to 1 from the right.
    """
    height = float(rng.uniform(6, 11))
    if rng.random() < 0.35:
        return Tree(height, height * 0.85, _bare(rng))
    return Tree(height, height * float(rng.uniform(0.7, 0.95)), _leafy(rng, sun_side))


def build_bush(rng: np.random.Generator, sun_side: float) -> Tree:
    """Build a bush: a crown that reaches the ground."""
    height = float(rng.uniform(1.3, 3.2))
    return Tree(height, height * float(rng.uniform(1.0, 1.6)), _leafy(rng, sun_side, trunk=0.0))


def build_hedge(rng: np.random.Generator) -> Texture:
    """Build the face of a clipped hedge, 8 m long and 1.5 m high, its top edge ragged."""
    shape = (96, 512)
    light = 0.85 + 0.2 * fractal_noise(rng, shape, (24, 128), octaves=3, gain=0.9)
    light *= np.linspace(1.2, 0.55, shape[0])[:, None]
    green = np.array(_GREENS[int(rng.integers(len(_GREENS)))]) * 0.8
    texture = opaque(light[..., None] * green)
    edge = 4 + 3 * fractal_noise(rng, (4, shape[1]), (1, 64), octaves=3)[0]
    texture.rgba[..., 3] = np.where(np.arange(shape[0])[:, None] > edge[None], 255, 0)
    return texture


def _leafy(rng: np.random.Generator, sun_side: float, trunk: float = 0.3) -> Texture:
    """Pile up clumps of leaves, the shaded ones first."""
    picture = np.zeros((_SIZE, _SIZE, 4), np.uint8)
    green = np.array(_GREENS[int(rng.integers(len(_GREENS)))]) * rng.uniform(0.85, 1.15)
    if trunk:
        _trunk(rng, picture)
    centre_y = _SIZE * (0.5 - trunk / 2 + 0.02)
    radius_y = _SIZE * (0.46 - trunk / 2 + 0.05)
    radius_x = _SIZE * 0.44
    angle, out = rng.uniform(0, 2 * np.pi, _CLUMPS), np.sqrt(rng.uniform(0, 1, _CLUMPS)) * 0.74
    clumps = np.stack((out * np.cos(angle), out * np.sin(angle)), 1)
    clumps = clumps[np.argsort(-clumps[:, 1])]
    spread = rng.uniform(0.09, 0.16, _CLUMPS)
    within = rng.normal(0, 1, (_CLUMPS, _LEAVES, 2)) * spread[:, None, None]
    leaves = (clumps[:, None] + within).reshape(-1, 2)
    within = within.reshape(-1, 2)
    # Lit are the sides of the crown, and of each clump in it, that face the sun and the sky.
    facing = 0.45 * leaves[:, 0] * sun_side - 0.45 * leaves[:, 1]
    facing += 2.0 * (within[:, 0] * sun_side - within[:, 1])
    tone = np.clip(0.82 + 0.42 * facing + rng.normal(0, 0.14, len(leaves)), 0.38, 1.6)
    colours = np.full((len(leaves), 4), 255, np.uint8)
    hue = green * rng.uniform((0.9, 0.95, 0.8), (1.1, 1.05, 1.2), (len(leaves), 3))
    colours[:, :3] = np.clip(hue * tone[:, None], 0, 255)
    x = (_SIZE / 2 + leaves[:, 0] * radius_x).astype(int)
    y = (centre_y + leaves[:, 1] * radius_y).astype(int)
    for dx, dy in _LEAF:
        picture[np.clip(y + dy, 0, _SIZE - 1), np.clip(x + dx, 0, _SIZE - 1)] = colours
    # Between the leaves one looks into the crown's dark inside.
    inside = (_filled(picture[..., 3], 5) > 0) & (picture[..., 3] == 0)
    picture[inside] = (*(green * 0.5).astype(np.uint8), 255)
    return cut_out(picture)


def _trunk(rng: np.random.Generator, picture: np.ndarray) -> None:
    bark = np.array(_BARKS[int(rng.integers(len(_BARKS)))])
    middle = _SIZE // 2
    for column in range(-5, 6):
        shade = 0.75 + 0.4 * np.sqrt(1 - (column / 6) ** 2) * rng.uniform(0.8, 1.1)
        colour = (*(float(v) for v in bark * shade), 255.0)
        cv2.line(
            picture, (middle + column, _SIZE), (middle + column * 2 // 3, _SIZE // 2), colour, 1
        )


def _bare(rng: np.random.Generator) -> Texture:
    picture = np.zeros((_SIZE * 2, _SIZE * 2, 4), np.uint8)
    bark = np.array(_BARKS[int(rng.integers(len(_BARKS)))]) * 0.8
    bark_colour = (*(float(v) for v in bark), 255.0)

    def grow(x: float, y: float, angle: float, length: float, thick: float, left: int) -> None:
        end_x, end_y = x + length * np.sin(angle), y - length * np.cos(angle)
        cv2.line(
            picture,
            (round(x), round(y)),
            (round(end_x), round(end_y)),
            bark_colour,
            max(1, round(thick)),
            cv2.LINE_AA,
        )
        if not left:
            return
        for _ in range(2 if left < 3 or rng.random() < 0.6 else 3):
            grow(
                end_x,
                end_y,
                angle * 0.92 + rng.normal(0, 0.42),
                length * rng.uniform(0.68, 0.86),
                thick * 0.66,
                left - 1,
            )

    grow(_SIZE, 2 * _SIZE - 1, 0.0, _SIZE * 0.44, 15, 7)
    picture = cv2.resize(picture, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    # Shrinking mixes the empty surroundings' black into thin twigs; their colour is the bark's.
    picture[..., :3] = bark.astype(np.uint8)
    return Texture(picture, _filled(picture[..., 3], 15))


def _filled(alpha: np.ndarray, size: int) -> np.ndarray:
    """Close the gaps between leaves and twigs: a crown is annotated as a whole."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    solid = np.where(alpha > 60, 255, 0).astype(np.uint8)
    return cv2.morphologyEx(solid, cv2.MORPH_CLOSE, kernel)
