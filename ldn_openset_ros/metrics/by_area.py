"""Outlier ranking by the size of the outlier (the paper, Figure 7; METHOD section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import RankingHistogram, RankingMeasures, check_truth
from ldn_openset_ros.taxonomy import IGNORE_INDEX

CONNECTIVITY = 8


@dataclass(frozen=True)
class AreaBin:
    """Outliers whose share of the picture's area lies in [lower, upper)."""

    lower: float
    upper: float
    objects: int
    measures: RankingMeasures


class RankingByArea:
    """Rank the pixels of outliers of each size against all inlier pixels, in one pass.

    An outlier is an 8-connected component of the truth. With few pixels in a bin its AP is low
    for that alone: compare models within a bin, not bins with each other.
    """

    def __init__(self, edges: Sequence[float]) -> None:
        """`edges`: ascending shares of the picture's area, at least two; one bin between each."""
        if len(edges) < 2 or not all(low < high for low, high in pairwise(edges)):
            raise OpenSetError(f"area edges {list(edges)}: give at least two ascending shares")
        self._edges = tuple(edges)
        self._objects = [0] * (len(edges) - 1)
        self._inliers = RankingHistogram()
        self._outliers = [RankingHistogram() for _ in self._objects]

    def add(self, log_odds: np.ndarray, outlier: np.ndarray) -> None:
        """Count a frame: float (H, W) log-odds; uint8 (H, W) truth, 0, 1 or 255."""
        check_truth(log_odds, outlier)
        self._inliers.add(log_odds, np.where(outlier == 0, 0, IGNORE_INDEX).astype(np.uint8))
        count, components, statistics, _ = cv2.connectedComponentsWithStats(
            (outlier == 1).astype(np.uint8), connectivity=CONNECTIVITY
        )
        shares = statistics[1:count, cv2.CC_STAT_AREA] / outlier.size
        places = np.searchsorted(self._edges, shares, side="right") - 1
        for place in range(len(self._objects)):
            found = 1 + np.flatnonzero(places == place)
            if found.size:
                self._objects[place] += found.size
                truth = np.where(np.isin(components, found), 1, IGNORE_INDEX).astype(np.uint8)
                self._outliers[place].add(log_odds, truth)

    def measures(self) -> list[AreaBin]:
        """Return one entry a bin, smallest outliers first."""
        return [
            AreaBin(
                lower,
                upper,
                objects,
                RankingHistogram(self._inliers.counts + outliers.counts).measures(),
            )
            for (lower, upper), objects, outliers in zip(
                pairwise(self._edges), self._objects, self._outliers, strict=True
            )
        ]
