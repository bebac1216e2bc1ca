"""Paste objects into road scenes with exact truth (METHOD section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.transforms import in_three_channels
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.settings import FROZEN
from ldn_openset_ros.taxonomy import IGNORE_INDEX

MIN_SIDE = 3


@dataclass(frozen=True)
class ShareSettings:
    """The pasted object's share of the picture's area.

    `fixed` always takes `maximum`; `uniform` is the paper's RSP; `log_uniform` gives small
    outliers as often as large ones.
    """

    distribution: Literal["fixed", "uniform", "log_uniform"] = "uniform"
    minimum: float = 0.001
    maximum: float = 0.1

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.maximum <= 1:
            raise OpenSetError(
                f"paste share from {self.minimum} to {self.maximum}: give 0 < minimum <= maximum "
                "<= 1"
            )


def draw_share(rng: np.random.Generator, settings: ShareSettings) -> float:
    """Draw one share in [minimum, maximum]."""
    if settings.distribution == "fixed":
        return settings.maximum
    if settings.distribution == "uniform":
        return float(rng.uniform(settings.minimum, settings.maximum))
    return float(np.exp(rng.uniform(np.log(settings.minimum), np.log(settings.maximum))))


def paste_size(
    object_size: tuple[int, int], picture_size: tuple[int, int], share: float
) -> tuple[int, int]:
    """Return the (height, width) that gives an object a share of the picture and keeps its shape.

    Shrunk further where it would not fit into the picture; at least 3 pixels a side.
    """
    height, width = object_size
    picture_height, picture_width = picture_size
    scale = np.sqrt(share * picture_height * picture_width / (height * width))
    scale = min(scale, picture_height / height, picture_width / width)
    return (
        min(picture_height, max(MIN_SIDE, round(height * scale))),
        min(picture_width, max(MIN_SIDE, round(width * scale))),
    )


def shape_opacity(
    kind: Literal["box", "ellipse", "blob"], size: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Return the opacity, float32 (h, w) in {0, 1}, of a box, its ellipse or a random blob."""
    height, width = size
    if kind == "box":
        return np.ones(size, np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    radius = np.hypot(x, y)
    if kind == "blob":
        knots = rng.uniform(0.45, 1.0, 9).astype(np.float32)
        knots[-1] = knots[0]
        turn = (np.arctan2(y, x) / (2 * np.pi) + 0.5) * (len(knots) - 1)
        # Cosine easing between the knots rounds the corners of a plain interpolation.
        low = np.minimum(turn.astype(np.int64), len(knots) - 2)
        ease = (1 - np.cos(np.pi * (turn - low))) / 2
        radius = radius / (knots[low] * (1 - ease) + knots[low + 1] * ease)
    return (radius <= 1).astype(np.float32)


def feather(opacity: np.ndarray, sigma: float) -> np.ndarray:
    """Soften the outline inside an opacity map; `sigma` in pixels, 0 = off.

    Beyond the map all is transparent, so a box, which fills its map, gets soft edges as well.
    """
    if sigma <= 0:
        return opacity
    return cv2.GaussianBlur(opacity, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)


def paste(
    scene: Sample, rgb: np.ndarray, opacity: np.ndarray, top: int, left: int, name: str = ""
) -> Sample:
    """Return `scene` with an object blended in at (top, left), pixels of the scene.

    rgb: uint8 (h, w, 3) and opacity: float32 (h, w) in [0, 1], inside the scene. Pixels of at
    least half opacity become outliers: 1 in `outlier`, 255 in `labels`. Where the scene has no
    outlier truth its other pixels are inliers, void ones (label 255) ignored.
    """
    height, width = opacity.shape
    window = np.s_[top : top + height, left : left + width]
    picture = scene.rgb.copy()
    picture[window] = blend(picture[window], rgb, opacity)
    outlier = inlier_truth(scene) if scene.outlier is None else scene.outlier.copy()
    covered = opacity >= 0.5
    outlier[window][covered] = 1
    labels = None
    if scene.labels is not None:
        labels = scene.labels.copy()
        labels[window][covered] = IGNORE_INDEX
    return Sample(name or scene.name, picture, labels, outlier, scene.camera)


def paste_region(scene: Sample, other: Sample, opacity: np.ndarray, top: int, left: int) -> Sample:
    """Return `scene` with the same window of `other` blended in, together with its truth.

    other: a sample of the scene's size with labels and outlier truth; opacity: float32 (h, w) in
    [0, 1] of the window at (top, left). Truth is the region's where its opacity is at least half.
    """
    height, width = opacity.shape
    window = np.s_[top : top + height, left : left + width]
    picture, labels, outlier = scene.rgb.copy(), scene.labels.copy(), scene.outlier.copy()
    picture[window] = blend(picture[window], other.rgb[window], opacity)
    covered = opacity >= 0.5
    labels[window][covered] = other.labels[window][covered]
    outlier[window][covered] = other.outlier[window][covered]
    return Sample(scene.name, picture, labels, outlier, scene.camera)


def blend(below: np.ndarray, above: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Blend uint8 (h, w, 3) `above` over `below`; opacity: float32 (h, w) in [0, 1]."""
    alpha = in_three_channels(opacity)
    blended = above * alpha + below * (1 - alpha)
    return np.clip(blended + 0.5, 0, 255).astype(np.uint8)


def inlier_truth(scene: Sample) -> np.ndarray:
    """Return outlier truth for a scene without outliers: 0, and 255 where its label is void."""
    if scene.labels is None:
        return np.zeros(scene.rgb.shape[:2], np.uint8)
    return np.where(scene.labels == IGNORE_INDEX, IGNORE_INDEX, 0).astype(np.uint8)
