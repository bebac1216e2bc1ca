"""Pictures for people: class colours over the frame, heat maps."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.taxonomy import OUTLIER_COLOUR, Taxonomy

OUTLINE_WIDTH = 2


def colourise(ids: np.ndarray, taxonomy: Taxonomy) -> np.ndarray:
    """Paint a uint8 (H, W) map of ids in the taxonomy's colours, uint8 (H, W, 3) RGB."""
    return taxonomy.palette()[ids]


def blend_overlay(
    rgb: np.ndarray, open_set: np.ndarray, taxonomy: Taxonomy, opacity: float
) -> np.ndarray:
    """Blend class colours into a frame and mark its outliers.

    rgb: uint8 (H, W, 3); open_set: uint8 (H, W); opacity in [0, 1] of the class colours. Outliers
    are never fainter than half opacity and have a solid outline. Returns uint8 (H, W, 3).
    """
    overlay = cv2.addWeighted(rgb, 1 - opacity, colourise(open_set, taxonomy), opacity, 0)
    outliers = (open_set == taxonomy.outlier_id).astype(np.uint8)
    if outliers.any():
        strength = max(opacity, 0.5)
        marked = cv2.addWeighted(rgb, 1 - strength, np.full_like(rgb, OUTLIER_COLOUR), strength, 0)
        np.copyto(overlay, marked, where=outliers[..., None].astype(bool))
        contours, _ = cv2.findContours(outliers, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(overlay, contours, -1, OUTLIER_COLOUR, OUTLINE_WIDTH)
    return overlay


def heat_map(outlier: np.ndarray) -> np.ndarray:
    """Colour a float32 (H, W) map in [0, 1] from dark (inlier) to bright (outlier), RGB uint8."""
    grey = np.clip(outlier * 255 + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
