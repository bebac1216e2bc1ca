"""One frame with its truth, as every reader, composer and renderer hands it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PinholeCamera:
    """Intrinsics of an undistorted camera, in pixels of the frame they belong to."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True)
class Sample:
    """A frame and what is known about it.

    name: unique within its source, usable as a file stem.
    rgb: uint8 (H, W, 3).
    labels: uint8 (H, W) train ids, 255 = ignore; None where unknown.
    outlier: uint8 (H, W), 0 inlier, 1 outlier, 255 ignore; None where unknown.
    camera: intrinsics; None where unknown.
    instances: int32 (H, W), 0 = no instance, each other number an instance of the class in
        `labels`; None where unknown, and in samples made or changed from others.
    """

    name: str
    rgb: np.ndarray
    labels: np.ndarray | None = None
    outlier: np.ndarray | None = None
    camera: PinholeCamera | None = None
    instances: np.ndarray | None = None
