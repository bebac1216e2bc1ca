"""Component-wise outlier segmentation: sIoU, PPV and F1 of SegmentMeIfYouCan.

Source: Chan, Lis, Uhlemeyer, Blum, Honari, Siegwart, Fua, Salzmann and Rottmann,
"SegmentMeIfYouCan: A benchmark for anomaly segmentation" (NeurIPS 2021) and its code. The
benchmark takes as threshold the one of the best pixel-wise F1 over the data set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import check_truth
from ldn_openset_ros.metrics.shares import mean_of_units, to_units
from ldn_openset_ros.taxonomy import IGNORE_INDEX

CONNECTIVITY = 8
TWENTIETHS = np.arange(5, 16)
"""The thresholds 0.25, 0.30, ... 0.75 of sIoU and PPV, so that none is missed by rounding."""
THRESHOLDS = tuple(round(int(value) / 20, 2) for value in TWENTIETHS)


@dataclass(frozen=True)
class Track:
    """The smallest components that count, in pixels."""

    predicted: int
    true: int


TRACKS = {"anomaly": Track(predicted=500, true=100), "obstacle": Track(predicted=50, true=10)}


@dataclass(frozen=True)
class ComponentScores:
    """Quality of predicted components, as fractions from 0 to 1; NaN where undefined."""

    true_components: int
    predicted_components: int
    mean_siou: float
    """Over the true components; NaN without any."""
    mean_ppv: float
    """Over the predicted components; NaN without any."""
    f1: dict[float, float]
    """By threshold, 0.25 to 0.75; NaN without true and predicted components."""
    mean_f1: float
    """Over the thresholds."""


class ComponentMeasures:
    """One-pass component measures in constant memory.

    A component is an 8-connected set of pixels. The predicted ones are those of the pixels called
    outlier whose truth is not ignored; those below the track's size are dropped. True ones below
    it are ignored as well, together with what was predicted there.

    Of a true component, sIoU is the share of it that is found, of the union of it and the
    predicted components that touch it without their pixels on other true components. Of a
    predicted component, PPV is the share that lies on true ones. A true component is found where
    sIoU reaches the threshold and missed where not; a predicted one is a false alarm where PPV
    does not reach it.
    """

    def __init__(self, track: str) -> None:
        """`track`: "anomaly" or "obstacle", a name in TRACKS."""
        if track not in TRACKS:
            raise OpenSetError(f"no track {track!r}: choose {', '.join(TRACKS)}")
        self.track = track
        self._true = 0
        self._predicted = 0
        self._siou = 0
        self._ppv = 0
        self._found = np.zeros(len(TWENTIETHS), np.int64)
        self._alarms = np.zeros(len(TWENTIETHS), np.int64)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ComponentMeasures:
        """Build the measures that `to_arrays` was called on."""
        measures = cls(str(arrays["track"]))
        measures._take_in(arrays)
        return measures

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs: `track`, a string, and integers."""
        return {
            "track": np.array(self.track),
            "true": np.array(self._true),
            "predicted": np.array(self._predicted),
            "siou": np.array(self._siou),
            "ppv": np.array(self._ppv),
            "found": self._found,
            "alarms": self._alarms,
        }

    def add(self, called_outlier: np.ndarray, outlier: np.ndarray) -> None:
        """Count a frame: bool (H, W) decisions; uint8 (H, W) truth, 0, 1 or 255."""
        check_truth(called_outlier, outlier)
        overlap, true_sizes, predicted_sizes = _overlaps(
            called_outlier, outlier, TRACKS[self.track]
        )
        found = overlap.sum(axis=1)
        correct = overlap.sum(axis=0)
        # Pixels of the touching predictions beside this component, without those on others.
        beside = (overlap > 0) @ (predicted_sizes - correct)
        union = true_sizes + beside
        self._true += len(true_sizes)
        self._predicted += len(predicted_sizes)
        self._siou += int(to_units(found / union).sum())
        self._ppv += int(to_units(correct / predicted_sizes).sum())
        self._found += (20 * found[:, None] >= TWENTIETHS * union[:, None]).sum(axis=0)
        self._alarms += (20 * correct[:, None] < TWENTIETHS * predicted_sizes[:, None]).sum(axis=0)

    def merge(self, other: ComponentMeasures) -> None:
        """Take in all frames of another one; raises OpenSetError for another track."""
        if self.track != other.track:
            raise OpenSetError(
                f"component measures of the tracks {self.track} and {other.track} cannot be "
                "merged: use one track"
            )
        self._take_in(other.to_arrays())

    def measures(self) -> ComponentScores:
        """Return the measures of all frames so far."""
        missed = self._true - self._found
        judged = 2 * self._found + missed + self._alarms
        f1 = np.divide(
            2 * self._found, judged, out=np.full(len(judged), math.nan), where=judged > 0
        )
        return ComponentScores(
            true_components=self._true,
            predicted_components=self._predicted,
            mean_siou=mean_of_units(self._siou, self._true),
            mean_ppv=mean_of_units(self._ppv, self._predicted),
            f1=dict(zip(THRESHOLDS, f1.tolist(), strict=True)),
            mean_f1=float(f1.mean()),
        )

    def _take_in(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._true += int(arrays["true"])
        self._predicted += int(arrays["predicted"])
        self._siou += int(arrays["siou"])
        self._ppv += int(arrays["ppv"])
        self._found += arrays["found"]
        self._alarms += arrays["alarms"]


def _overlaps(
    called_outlier: np.ndarray, outlier: np.ndarray, track: Track
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixels that T true and P predicted components share, and the pixels of each.

    Three int64 arrays, (T, P), (T,) and (P,), of the components and pixels that count.
    """
    true, small_true, true_count = _components(outlier == 1, track.true)
    predicted, _, predicted_count = _components(
        called_outlier & (outlier != IGNORE_INDEX), track.predicted
    )
    counted = np.flatnonzero((true + predicted > 0) & ~small_true)
    pairs = true.ravel()[counted].astype(np.int64) * (predicted_count + 1)
    pairs += predicted.ravel()[counted]
    joint = np.bincount(pairs, minlength=(true_count + 1) * (predicted_count + 1))
    joint = joint.reshape(true_count + 1, predicted_count + 1)
    # A predicted component may lie wholly on true ones that are too small to count.
    joint = joint[:, np.r_[True, joint[:, 1:].any(axis=0)]]
    return joint[1:, 1:], joint[1:].sum(axis=1), joint[:, 1:].sum(axis=0)


def _components(mask: np.ndarray, smallest: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return components of a bool (H, W) mask of at least `smallest` pixels.

    As int32 (H, W) numbers from 1, 0 elsewhere; bool (H, W) pixels of components that are too
    small; and the count of those that are not.
    """
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=CONNECTIVITY
    )
    large = statistics[:count, cv2.CC_STAT_AREA] >= smallest
    large[0] = False  # the background
    renumbered = np.where(large, np.cumsum(large), 0).astype(np.int32)
    kept = renumbered[numbers]
    return kept, mask & (kept == 0), int(large.sum())
