"""Instance-weighted intersection over union: Cityscapes' iIoU.

Source: Cordts et al., "The Cityscapes dataset for semantic urban scene understanding" (CVPR 2016)
and its evaluation code. A true pixel of an instance weighs the class's mean size of an instance
over the size of that instance, so that every instance counts alike, however near it was. False
positives have no instance and weigh 1: they are all pixels with truth of another class. Pixels of
the class that belong to no single instance (groups) are neither hit nor missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix, category_places
from ldn_openset_ros.metrics.shares import UNIT, to_units
from ldn_openset_ros.taxonomy import IGNORE_INDEX


class InstanceIou:
    """One-pass iIoU in constant memory: what share of every true instance went to which class."""

    def __init__(self, average_sizes: Sequence[float | None]) -> None:
        """`average_sizes`: mean pixels of an instance by class, None for those without any."""
        classes = len(average_sizes)
        self._average_sizes = np.array(
            [math.nan if size is None else size for size in average_sizes], np.float64
        )
        self._confusion = ConfusionMatrix(classes)
        self._instances = np.zeros(classes, np.int64)
        self._shares = np.zeros((classes, classes + 1), np.int64)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> InstanceIou:
        """Build the measure that `to_arrays` was called on."""
        measure = cls(arrays["average_sizes"].tolist())
        measure._take_in(arrays)
        return measure

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs: `average_sizes`, float64, and integers."""
        return {
            "average_sizes": self._average_sizes,
            "counts": self._confusion.counts,
            "instances": self._instances,
            "shares": self._shares,
        }

    def add(self, prediction: np.ndarray, truth: np.ndarray, instances: np.ndarray) -> None:
        """Count a frame: two uint8 (H, W) maps of train ids and an int32 (H, W) map of instances.

        prediction, truth: as `ConfusionMatrix.add` takes them. instances: 0 where there is none;
        the pixels of one other number and one true class are an instance.
        """
        if instances.shape != truth.shape:
            raise OpenSetError(
                f"instances of shape {instances.shape} and truth of shape {truth.shape} do not "
                "belong together: give both at the same resolution"
            )
        self._confusion.add(prediction, truth)
        has_instances = np.zeros(IGNORE_INDEX + 1, bool)
        has_instances[: len(self._average_sizes)] = ~np.isnan(self._average_sizes)
        places = np.flatnonzero((instances != 0) & has_instances[truth])
        if not places.size:
            return
        keys = instances.ravel()[places].astype(np.int64) << 8 | truth.ravel()[places]
        keys, number = np.unique(keys, return_inverse=True)
        columns = len(self._average_sizes) + 1
        predicted = np.minimum(prediction.ravel()[places], columns - 1)  # 255 is no class either
        joint = np.bincount(number * columns + predicted, minlength=len(keys) * columns)
        joint = joint.reshape(len(keys), columns)
        classes = keys & 255
        np.add.at(self._instances, classes, 1)
        np.add.at(self._shares, classes, to_units(joint / joint.sum(axis=1, keepdims=True)))

    def merge(self, other: InstanceIou) -> None:
        """Take in all frames of another one; raises OpenSetError for other average sizes."""
        if not np.array_equal(self._average_sizes, other._average_sizes, equal_nan=True):
            raise OpenSetError(
                "instance IoU with other average sizes cannot be merged: use one taxonomy"
            )
        self._take_in(other.to_arrays())

    def iou(self) -> np.ndarray:
        """Return float64 (C,); NaN for classes without average size and those that never occur."""
        counts = self._confusion.counts
        hits = self._average_sizes * np.diagonal(self._shares) * UNIT
        false_positives = counts[:, :-1].sum(axis=0) - np.diagonal(counts)
        return _divide(hits, self._average_sizes * self._instances + false_positives)

    def mean_iou(self) -> float:
        """Return the mean over the classes whose iIoU is defined; NaN without any."""
        return _mean(self.iou())

    def category_iou(self, categories: Sequence[int | None]) -> np.ndarray:
        """Return float64 (K,) iIoU of categories; NaN where a class has no average size.

        categories: as `category_confusion` takes them.
        """
        classes = len(self._average_sizes)
        places = category_places(categories, classes)
        weighted = self._average_sizes[:, None] * self._shares * UNIT
        weights = self._average_sizes * self._instances
        found = np.full(int(places[-1]), math.nan)
        for category in range(len(found)):
            inside = places[:-1] == category
            outside = ~inside & (places[:-1] != places[-1])
            hits = weighted[inside][:, :classes][:, inside].sum()
            false_positives = self._confusion.counts[outside][:, :classes][:, inside].sum()
            found[category] = _divide(hits, weights[inside].sum() + false_positives)
        return found

    def category_mean_iou(self, categories: Sequence[int | None]) -> float:
        """Return the mean over the categories whose iIoU is defined; NaN without any."""
        return _mean(self.category_iou(categories))

    def _take_in(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._confusion.counts += arrays["counts"]
        self._instances += arrays["instances"]
        self._shares += arrays["shares"]


def _divide(hits: np.ndarray, union: np.ndarray) -> np.ndarray:
    """Divide where the union, which may be NaN, is above 0; NaN elsewhere."""
    return np.divide(hits, union, out=np.full(np.shape(hits), np.nan), where=union > 0)


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan
