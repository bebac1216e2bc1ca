"""Outlier regions lifted to points in space: by flat ground, or by measured depth. No ROS here.

Regions come as a map of ids, integer (H, W): 0 where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_info import CameraModel
from ldn_openset_ros.ros.camera_mount import CameraMount
from ldn_openset_ros.ros.rays import pixel_rays


@dataclass(frozen=True)
class LiftSettings:
    """How outlier pixels become points.

    stride: every stride-th column of a region, and every stride-th pixel of it, counted from its
    left end and from the ground, so that the smallest region gives a point.
    min_range, max_range: metres from the camera; points nearer or farther are left out.
    upright: by ground, an obstacle stands up from its lowest pixels; False: it lies on the ground.

    Raises OpenSetError where a value is out of its range.
    """

    stride: int = 4
    min_range: float = 0.0
    max_range: float = 50.0
    upright: bool = True

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise OpenSetError(f"obstacles: stride is {self.stride}: give 1 or more pixels")
        if not 0 <= self.min_range < self.max_range or math.isinf(self.max_range):
            raise OpenSetError(
                f"obstacles: range of {self.min_range:g} to {self.max_range:g} m is empty or "
                "without end: give metres, the lower one first"
            )


@dataclass(frozen=True)
class ObstaclePoints:
    """Points on outliers, in the camera's optical frame (x right, y down, z forward; REP-103).

    points: float32 (N, 3), metres, all finite; probability: float32 (N,), outlier probability;
    regions: uint32 (N,), ids; left_out: sampled pixels that gave no point, by cause: `no_ray`
    (distortion without inverse), `horizon` (the ray never meets the ground), `no_depth` (none was
    measured), `out_of_range`.
    """

    points: np.ndarray
    probability: np.ndarray
    regions: np.ndarray
    left_out: Mapping[str, int]


def sample_regions(regions: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns, each (N,), of pixels chosen from every region.

    See LiftSettings.stride. The lowest pixel of each chosen column is among them.
    """
    width = regions.shape[1]
    flat = np.flatnonzero(regions != 0)
    ids = regions.ravel()[flat]
    rows, columns = np.divmod(flat, width)
    known = np.unique(ids)
    region = np.searchsorted(known, ids)
    left = np.full(len(known), width)
    np.minimum.at(left, region, columns)
    chosen = (columns - left[region]) % stride == 0
    rows, columns, strip = rows[chosen], columns[chosen], (region * width + columns)[chosen]
    # Rows ascend, and of several values for one place NumPy keeps the last: the lowest pixel.
    # Only places that are read have been written.
    lowest = np.empty(len(known) * width, np.intp)
    lowest[strip] = rows
    chosen = (lowest[strip] - rows) % stride == 0
    return rows[chosen], columns[chosen]


def lift_by_ground(
    regions: np.ndarray,
    probability: np.ndarray,
    camera: CameraModel,
    mount: CameraMount,
    settings: LiftSettings = LiftSettings(),
) -> ObstaclePoints:
    """Lift outlier regions that stand on flat ground.

    regions: integer (H, W); probability: float32 (H, W); both of the camera's size. A region is
    cut into upright strips of `stride` pixels: lines of equal bearing, so that pitch, roll and
    distortion may slant them in the image. Only the lowest pixel of a strip and of the two beside
    it shows where the region touches the ground; the others are as far ahead (`upright`). So a
    strip whose foot is hidden, or below the image, appears farther away than it is.
    """
    _check_shapes(regions, probability, camera)
    rows, columns = sample_regions(regions, settings.stride)
    optical = pixel_rays(camera, columns, rows)
    rotation = mount.rotation
    ahead = rotation[:2, 2] / np.linalg.norm(rotation[:2, 2])
    body = optical @ rotation.T
    forward, lateral = body[:, :2] @ ahead, body[:, :2] @ (ahead[1], -ahead[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.where(forward > 0, -body[:, 2] / forward, -np.inf)
        if settings.upright:
            # A level camera of ideal lens has these columns. The quarter keeps rounding errors
            # from splitting whole pixels.
            level = camera.cx + camera.fx * lateral / forward
            strips = np.floor((level + 0.25) / settings.stride)
            fall = _steepest(regions[rows, columns], strips, fall)
        points = optical * (mount.height / (fall * forward))[:, None]
    causes = {
        "no_ray": np.isnan(body[:, 2]),
        "horizon": ~(fall > 0) | ~(forward > 0),
    }
    return _within_range(points, rows, columns, regions, probability, causes, settings)


def lift_by_depth(
    regions: np.ndarray,
    probability: np.ndarray,
    depth: np.ndarray,
    camera: CameraModel,
    settings: LiftSettings = LiftSettings(),
) -> ObstaclePoints:
    """Lift outlier regions by the depth of each pixel.

    regions: integer (H, W); probability: float32 (H, W); both of the camera's size. depth: float32
    (H, W), metres along the optical axis, registered to the image; NaN, infinite or not above 0
    where none was measured (`images.decode_depth`, `disparity.depth_from_disparity`).

    Raises OpenSetError where the depth is of another size.
    """
    _check_shapes(regions, probability, camera)
    if depth.shape != regions.shape:
        raise OpenSetError(
            f"depth of {depth.shape[1]}x{depth.shape[0]} pixels for an image of "
            f"{camera.width}x{camera.height}: publish depth that is registered to the image"
        )
    rows, columns = sample_regions(regions, settings.stride)
    optical = pixel_rays(camera, columns, rows)
    measured = depth[rows, columns].astype(np.float64)
    with np.errstate(invalid="ignore"):
        points = optical * measured[:, None]
    causes = {
        "no_ray": np.isnan(optical[:, 2]),
        "no_depth": ~(np.isfinite(measured) & (measured > 0)),
    }
    return _within_range(points, rows, columns, regions, probability, causes, settings)


def _steepest(regions: np.ndarray, strips: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Return for each pixel (N,) the greatest fall in its strip and the two beside it.

    Where lines of equal bearing are slanted in the image, the pixel at the foot may have been
    counted to the strip beside. Only strips of the same region count.
    """
    order = np.lexsort((-fall, strips, regions))
    regions, strips = regions[order], strips[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (regions[1:] != regions[:-1]) | (strips[1:] != strips[:-1])
    regions, strips, own = regions[starts], strips[starts], fall[order][starts]
    beside = (regions[1:] == regions[:-1]) & (strips[1:] - strips[:-1] == 1)
    around = own.copy()
    around[1:] = np.where(beside, np.maximum(around[1:], own[:-1]), around[1:])
    around[:-1] = np.where(beside, np.maximum(around[:-1], own[1:]), around[:-1])
    steepest = np.empty_like(fall)
    steepest[order] = around[np.cumsum(starts) - 1]
    return steepest


def _check_shapes(regions: np.ndarray, probability: np.ndarray, camera: CameraModel) -> None:
    if not regions.shape == probability.shape == (camera.height, camera.width):
        raise ValueError(
            f"regions {regions.shape} and probability {probability.shape} do not fit a camera of "
            f"{camera.width}x{camera.height} pixels"
        )


def _within_range(
    points: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    regions: np.ndarray,
    probability: np.ndarray,
    causes: Mapping[str, np.ndarray],
    settings: LiftSettings,
) -> ObstaclePoints:
    """Keep what no cause leaves out and what is in range; each pixel counts for one cause."""
    distance = np.linalg.norm(points, axis=1)
    outside = ~((distance >= settings.min_range) & (distance <= settings.max_range))
    kept = np.ones(len(points), bool)
    left_out = {}
    for cause, affected in (*causes.items(), ("out_of_range", outside)):
        left_out[cause] = int(np.count_nonzero(kept & affected))
        kept &= ~affected
    rows, columns = rows[kept], columns[kept]
    return ObstaclePoints(
        points[kept].astype(np.float32),
        probability[rows, columns].astype(np.float32),
        regions[rows, columns].astype(np.uint32),
        left_out,
    )
