"""One picture that shows what a model made of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ldn_openset_ros.inference.overlay import blend_overlay, colourise, heat_map
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.memory import check_memory
from ldn_openset_ros.taxonomy import Taxonomy

OPACITY = 0.5
CAPTION_HEIGHT = 26
BACKGROUND = 24
PIXEL_BYTES = 40
"""That a panel takes for each pixel of the frame while it is made, measured."""


def side_by_side(rgb: np.ndarray, prediction: Prediction, taxonomy: Taxonomy) -> np.ndarray:
    """Return input and labels over outlier heat map and open-set overlay, captioned.

    rgb: uint8 (H, W, 3); the prediction needs all three maps. Returns uint8 (2H + captions, 2W,
    3).
    """
    height, width = rgb.shape[:2]
    check_memory(
        f"the panel of a picture of {width}x{height} pixels", height * width * PIXEL_BYTES
    )
    tiles = (
        ("camera", rgb),
        ("labels (closed set)", colourise(prediction.labels, taxonomy)),
        ("outlier probability", heat_map(prediction.outlier)),
        ("open set", blend_overlay(rgb, prediction.open_set, taxonomy, OPACITY)),
    )
    return tiled(tiles)


def tiled(tiles: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """Return pictures of equal size in two columns, each under its caption.

    tiles: one or more (caption, uint8 (H, W, 3)); an empty place at the end is dark.
    """
    captioned = [_captioned(picture, text) for text, picture in tiles]
    if len(captioned) % 2 and len(captioned) > 1:
        captioned.append(np.full_like(captioned[0], BACKGROUND))
    rows = [np.hstack(captioned[index : index + 2]) for index in range(0, len(captioned), 2)]
    return np.vstack(rows)


def _captioned(picture: np.ndarray, text: str) -> np.ndarray:
    tile = cv2.copyMakeBorder(
        picture, CAPTION_HEIGHT, 0, 0, 0, cv2.BORDER_CONSTANT, value=(BACKGROUND,) * 3
    )
    origin = (8, CAPTION_HEIGHT - 8)
    return cv2.putText(
        tile, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA
    )
