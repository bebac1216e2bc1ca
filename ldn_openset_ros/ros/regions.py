"""Connected outlier regions of a frame: box, size and score of each. No ROS here."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ldn_openset_ros.errors import OpenSetError

CONNECTIVITY = 8
"""Pixels that touch by a corner are of one region, as in SegmentMeIfYouCan."""

MIN_PIXELS = 50
"""Smallest predicted component that SegmentMeIfYouCan's obstacle track counts."""

MAX_REGIONS = 64
"""Bounds the work of a frame that is full of specks."""


@dataclass(frozen=True)
class Region:
    """A connected region of outlier pixels: its box, in pixels, and what is inside.

    The box spans rows `top` to `top + height - 1` and columns `left` to `left + width - 1`.
    """

    top: int
    left: int
    height: int
    width: int
    pixels: int
    """Outlier pixels of the region; the box may hold others."""
    score: float
    """Mean outlier probability over these pixels, in [0, 1]."""
    peak: float
    """Largest outlier probability of these pixels, in [0, 1]."""
    centroid: tuple[float, float]
    """Mean (row, column) of these pixels; whole numbers are centres of pixels."""

    @property
    def bottom_centre(self) -> tuple[float, float]:
        """The (column, row) where the box stands: the middle of its lower edge.

        In the coordinates of camera_info, whose whole numbers are centres of pixels.
        """
        return self.left + (self.width - 1) / 2, self.top + self.height - 0.5


@dataclass(frozen=True)
class _Runs:
    """Stretches of outlier pixels within a row, in order: int (N,) rows, starts, ends."""

    row: np.ndarray
    start: np.ndarray
    end: np.ndarray
    """Column after the last one."""

    def select(self, wanted: np.ndarray) -> _Runs:
        return _Runs(self.row[wanted], self.start[wanted], self.end[wanted])


def find_regions(
    outlying: np.ndarray,
    probability: np.ndarray,
    min_pixels: int = MIN_PIXELS,
    max_regions: int = MAX_REGIONS,
) -> tuple[Region, ...]:
    """Return the 8-connected outlier regions of a frame, largest first, then from the top left.

    outlying: bool or uint8 (H, W), not zero where a pixel is an outlier. probability: float32
    (H, W) in [0, 1]. Regions of fewer than `min_pixels` are left out, and of the others all but
    the `max_regions` largest.

    Raises OpenSetError where `min_pixels` or `max_regions` is below 1.
    """
    for name, value in (("min_pixels", min_pixels), ("max_regions", max_regions)):
        if value < 1:
            raise OpenSetError(f"{name} is {value}: give 1 or more")
    if outlying.ndim != 2 or outlying.shape != probability.shape:
        raise ValueError(f"mask {outlying.shape} and probability {probability.shape} differ")
    if outlying.dtype not in (np.bool_, np.uint8):
        raise ValueError(f"a mask is bool or uint8, not {outlying.dtype}")
    mask = np.ascontiguousarray(outlying).view(np.uint8)
    count, numbers = cv2.connectedComponents(mask, connectivity=CONNECTIVITY)
    # OpenCV's own statistics visit every pixel of the frame, which takes longer than all of this.
    runs = _find_runs(mask)
    number = numbers[runs.row, runs.start]
    pixels = np.bincount(number, runs.end - runs.start, minlength=count).astype(np.int64)
    large = np.flatnonzero(pixels >= min_pixels)
    large = large[np.argsort(-pixels[large], kind="stable")][:max_regions]
    place = np.full(count, -1)
    place[large] = np.arange(len(large))
    kept = place[number] >= 0
    regions = _describe(runs.select(kept), place[number[kept]], len(large), probability)
    return tuple(sorted(regions, key=lambda r: (-r.pixels, r.top, r.left)))


def _find_runs(mask: np.ndarray) -> _Runs:
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.bool_)
    np.not_equal(mask, 0, out=padded[:, 1:-1])
    # Within every row a start follows an end and an end a start.
    changes = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    row, column = np.divmod(changes, width + 1)
    return _Runs(row[::2], column[::2], column[1::2])


def _describe(runs: _Runs, place: np.ndarray, count: int, probability: np.ndarray) -> list[Region]:
    """Return the regions 0..count-1; `place` is the region, int (N,), of each of the runs."""
    if not count:
        return []
    length = runs.end - runs.start
    sums, peaks = _sums_and_peaks(runs, probability)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(place, values, minlength=count)

    def extreme(function: np.ufunc, values: np.ndarray, start: float) -> np.ndarray:
        result = np.full(count, start, values.dtype)
        function.at(result, place, values)
        return result

    height, width = probability.shape
    top = extreme(np.minimum, runs.row, height)
    bottom = extreme(np.maximum, runs.row, -1)
    left = extreme(np.minimum, runs.start, width)
    right = extreme(np.maximum, runs.end, -1)
    pixels = total(length)
    columns = (runs.start + runs.end - 1) / 2 * length
    described = zip(
        top.tolist(),
        left.tolist(),
        (bottom - top + 1).tolist(),
        (right - left).tolist(),
        pixels.astype(np.int64).tolist(),
        (total(sums) / pixels).tolist(),
        extreme(np.maximum, peaks, -np.inf).tolist(),
        zip(
            (total(runs.row * length) / pixels).tolist(),
            (total(columns) / pixels).tolist(),
            strict=True,
        ),
        strict=True,
    )
    return [Region(*values) for values in described]


def _sums_and_peaks(runs: _Runs, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum and the largest value of a map along each of the runs, (N,) each."""
    width = probability.shape[1]
    edges = np.column_stack((runs.row * width + runs.start, runs.row * width + runs.end)).ravel()
    if edges[-1] == probability.size:  # the last stretch reaches to the end by itself
        edges = edges[:-1]
    flat = probability.ravel()
    # Every second stretch is a gap between runs.
    return np.add.reduceat(flat, edges)[::2], np.maximum.reduceat(flat, edges)[::2]
