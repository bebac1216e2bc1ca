"""Coarser maps, for protocols that measure at a fraction of the resolution."""

from __future__ import annotations

import numpy as np

from ldn_openset_ros.errors import OpenSetError


def downsample(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Keep one pixel of each block of `factor` x `factor`: its top left one.

    pixels: any array (H, W, ...); returns (ceil(H / factor), ceil(W / factor), ...) of the same
    type. These are the pixels that OpenCV's and PyTorch's nearest neighbour take at sizes that
    `factor` divides. Scores and truth taken through this keep to the same places. Raises
    OpenSetError for a factor below 1. The paper measures StreetHazards with factor 10 (METHOD
    section 5).
    """
    if factor < 1:
        raise OpenSetError(f"downsampling by {factor}: give a whole factor of 1 or more")
    return np.ascontiguousarray(pixels[::factor, ::factor])
