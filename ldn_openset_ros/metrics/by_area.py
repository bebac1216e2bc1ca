"""Outlier ranking by the size of the outlier (the paper, Figure 7; METHOD section 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import (
    NUM_BINS,
    RankingHistogram,
    RankingMeasures,
    bin_counts,
    bin_indices,
    check_truth,
)

CONNECTIVITY = 8
WHOLE_PICTURE = 1.0


@dataclass(frozen=True)
class AreaBin:
    """Outliers whose share of the picture lies in [lower, upper), or up to 1."""

    lower: float
    upper: float
    objects: int
    measures: RankingMeasures
    matched_average_precision: float
    """AP if the bin held the share of outlier pixels that the whole test set holds, with the
    outliers of all sizes; NaN without outliers in the bin, or without inliers."""


class RankingByArea:
    """Rank the pixels of outliers of each size against all inlier pixels, in one pass.

    An outlier is an 8-connected component of the truth. With few pixels in a bin its AP is low
    for that alone: compare models within a bin, and bins with each other by the AP at matched
    prevalence.
    """

    def __init__(self, edges: Sequence[float]) -> None:
        """`edges`: ascending shares of the picture's area, at least two; one bin between each."""
        if len(edges) < 2 or not all(low < high for low, high in pairwise(edges)):
            raise OpenSetError(f"area edges {list(edges)}: give at least two ascending shares")
        self._edges = tuple(float(edge) for edge in edges)
        self._objects = np.zeros(len(edges) - 1, np.int64)
        self._inliers = np.zeros(NUM_BINS, np.uint64)
        self._outliers = np.zeros((len(edges) - 1, NUM_BINS), np.uint64)
        self._outlier_pixels = 0

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> RankingByArea:
        """Build the ranking that `to_arrays` was called on."""
        ranking = cls(arrays["edges"].tolist())
        ranking._take_in(arrays)
        return ranking

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs, `edges` float64 and the rest integers."""
        return {
            "edges": np.array(self._edges),
            "objects": self._objects,
            "inliers": self._inliers,
            "outliers": self._outliers,
            "outlier_pixels": np.array(self._outlier_pixels),
        }

    def add(
        self, log_odds: np.ndarray, outlier: np.ndarray, counts: np.ndarray | None = None
    ) -> None:
        """Count a frame: float (H, W) log-odds; uint8 (H, W) truth, 0, 1 or 255.

        counts: what `bin_counts` returns for the two, where it is known already.
        """
        if counts is None:
            counts = bin_counts(log_odds, outlier)
        else:
            check_truth(log_odds, outlier)
        self._inliers += counts[0]
        positive = outlier == 1
        pixels = int(np.count_nonzero(positive))
        self._outlier_pixels += pixels
        if not pixels:
            return
        count, components, statistics, _ = cv2.connectedComponentsWithStats(
            positive.astype(np.uint8), connectivity=CONNECTIVITY
        )
        shares = statistics[:count, cv2.CC_STAT_AREA] / outlier.size
        places = np.searchsorted(self._edges, shares, side="right") - 1
        beyond = len(self._objects)
        if self._edges[-1] == WHOLE_PICTURE:
            places[shares == WHOLE_PICTURE] = beyond - 1
        places[0] = beyond  # the background
        self._objects += np.bincount(places[(places >= 0) & (places < beyond)], minlength=beyond)
        place = places[components[positive]]
        inside = (place >= 0) & (place < beyond)
        bins = bin_indices(log_odds[positive][inside])
        np.add.at(self._outliers, (place[inside], bins), np.uint64(1))

    def merge(self, other: RankingByArea) -> None:
        """Take in all frames of another one; raises OpenSetError for other edges."""
        if self._edges != other._edges:
            raise OpenSetError(
                f"rankings by area with the edges {list(self._edges)} and {list(other._edges)} "
                "cannot be merged: use the same edges"
            )
        self._take_in(other.to_arrays())

    def measures(self) -> list[AreaBin]:
        """Return one entry a bin, smallest outliers first."""
        inlier_pixels = int(self._inliers.sum())
        bins = []
        for number, (lower, upper) in enumerate(pairwise(self._edges)):
            histogram = RankingHistogram(np.stack([self._inliers, self._outliers[number]]))
            matched = math.nan
            if self._outlier_pixels:
                matched = histogram.average_precision_at(
                    self._outlier_pixels / (self._outlier_pixels + inlier_pixels)
                )
            objects = int(self._objects[number])
            bins.append(AreaBin(lower, upper, objects, histogram.measures(), matched))
        return bins

    def _take_in(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._objects += arrays["objects"]
        self._inliers += arrays["inliers"]
        self._outliers += arrays["outliers"]
        self._outlier_pixels += int(arrays["outlier_pixels"])
