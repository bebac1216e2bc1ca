"""Pictures for people: class colours over the frame, heat maps."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.taxonomy import OUTLIER_COLOUR, Taxonomy

OUTLINE_WIDTH = 2
MARK_OPACITY = 0.5
"""Outliers are never fainter."""


def colourise(ids: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    """Paint a uint8 (H, W) map of ids in the taxonomy's colours, uint8 (H, W, 3) RGB."""
    return cv2.applyColorMap(ids, taxonomy.palette()[:, None])


def blend_overlay(
    rgb: np.ndarray, open_set: np.ndarray, taxonomy: Taxonomy, opacity: float
) -> np.ndarray:
    """Blend class colours into a frame and mark its outliers.

    rgb: uint8 (H, W, 3); open_set: uint8 (H, W); opacity in [0, 1] of the class colours. Outliers
    are never fainter than MARK_OPACITY and have a solid outline. Returns uint8 (H, W, 3).
    """
    overlay = cv2.addWeighted(rgb, 1 - opacity, colourise(open_set, taxonomy), opacity, 0)
    outliers = (open_set == taxonomy.outlier_id).view(np.uint8)
    left, top, width, height = cv2.boundingRect(outliers)
    if width:
        box = slice(top, top + height), slice(left, left + width)
        if opacity < MARK_OPACITY:
            paint = np.full((height, width, 3), OUTLIER_COLOUR, np.uint8)
            marked = cv2.addWeighted(rgb[box], 1 - MARK_OPACITY, paint, MARK_OPACITY, 0)
            np.copyto(overlay[box], marked, where=outliers[box][..., None] > 0)
        contours, _ = cv2.findContours(
            outliers[box], cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(left, top)
        )
        cv2.drawContours(overlay, contours, -1, OUTLIER_COLOUR, OUTLINE_WIDTH)
    return overlay


def heat_map(outlier: np.ndarray) -> np.ndarray:
    """Colour a float32 (H, W) map in [0, 1] from dark (inlier) to bright (outlier), RGB uint8."""
    grey = np.clip(outlier * 255 + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
