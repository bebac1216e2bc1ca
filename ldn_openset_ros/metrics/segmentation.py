"""Segmentation measures from one confusion matrix over a data set (METHOD section 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX


class ConfusionMatrix:
    """Pixel counts of true against predicted classes, summed over frames.

    Feed it open-set maps and a known pixel that is called an outlier counts as a miss: then
    `mean_iou` is the open-set mIoU.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.counts = np.zeros((num_classes, num_classes + 1), np.int64)
        """int64 (C, C + 1): rows true classes, columns predicted ones, the last one "no class"."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ConfusionMatrix:
        """Build the matrix that `to_arrays` was called on."""
        confusion = cls(len(arrays["counts"]))
        confusion.counts += arrays["counts"]
        return confusion

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that `from_arrays` needs: `counts`."""
        return {"counts": self.counts}

    def add(self, prediction: np.ndarray, truth: np.ndarray) -> None:
        """Count a frame: two uint8 (H, W) maps of train ids.

        Pixels whose truth is 255 do not count. A prediction may also be C (outlier) or 255
        (void): no class. Other ids are an OpenSetError.
        """
        if prediction.shape != truth.shape:
            raise OpenSetError(
                f"a prediction of shape {prediction.shape} and truth of shape {truth.shape} do "
                "not belong together: give both at the same resolution"
            )
        for name, labels in (("prediction", prediction), ("truth", truth)):
            if labels.dtype != np.uint8:
                raise OpenSetError(f"{name} is a {labels.dtype} map: give uint8 train ids")
        pairs = truth.ravel().astype(np.uint16) << 8 | prediction.ravel()
        joint = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
        outlier_id = self.num_classes
        self._check_ids("truth", joint.any(axis=1), allowed=(IGNORE_INDEX,))
        self._check_ids("prediction", joint.any(axis=0), allowed=(outlier_id, IGNORE_INDEX))
        known = joint[: self.num_classes]
        self.counts[:, :outlier_id] += known[:, :outlier_id]
        self.counts[:, outlier_id] += known[:, outlier_id:].sum(axis=1)

    def merge(self, other: ConfusionMatrix) -> None:
        """Take in all pixels of another matrix of the same classes."""
        if other.num_classes != self.num_classes:
            raise OpenSetError(
                f"cannot merge confusion matrices of {self.num_classes} and {other.num_classes} "
                "classes: use one taxonomy"
            )
        self.counts += other.counts

    def iou(self) -> np.ndarray:
        """Return float64 (C,) intersection over union; NaN for classes that occur nowhere."""
        hits = np.diagonal(self.counts)
        true = self.counts.sum(axis=1)
        predicted = self.counts[:, : self.num_classes].sum(axis=0)
        union = true + predicted - hits
        return np.divide(hits, union, out=np.full(self.num_classes, np.nan), where=union > 0)

    def mean_iou(self) -> float:
        """Return the mean over classes that occur in truth or prediction; NaN without any."""
        occurring = self.iou()
        occurring = occurring[~np.isnan(occurring)]
        return float(occurring.mean()) if occurring.size else math.nan

    def pixel_accuracy(self) -> float:
        """Return the share of counted pixels with the right class; NaN without any."""
        total = int(self.counts.sum())
        return int(np.trace(self.counts)) / total if total else math.nan

    def _check_ids(self, name: str, present: np.ndarray, allowed: tuple[int, ...]) -> None:
        present = present.copy()
        present[: self.num_classes] = False
        present[list(allowed)] = False
        if present.any():
            raise OpenSetError(
                f"{name} holds the id {int(np.argmax(present))}, which is none of the "
                f"{self.num_classes} classes: use maps of the same taxonomy"
            )


def category_confusion(
    confusion: ConfusionMatrix, categories: Sequence[int | None]
) -> ConfusionMatrix:
    """Return the confusion matrix of categories, each the union of some classes.

    Its mean IoU is Cityscapes' category mIoU. A class taken for another one of its category is
    right there; "no class" stays so.

    categories: for every class the id of its category, 0 to K - 1 (`Taxonomy.category_ids`). For
    None, true pixels of the class do not count, and predicted ones are of no class.
    Raises OpenSetError for another number of classes and where there is no category at all.
    """
    columns = category_places(categories, confusion.num_classes)
    merged = ConfusionMatrix(max(category for category in categories if category is not None) + 1)
    for row, category in zip(confusion.counts, categories, strict=True):
        if category is not None:
            np.add.at(merged.counts[category], columns, row)
    return merged


def category_places(categories: Sequence[int | None], num_classes: int) -> np.ndarray:
    """Return the category of each of C classes and of "no class", intp (C + 1,), K for none.

    Raises OpenSetError for another number of classes and where there is no category at all.
    """
    named = [category for category in categories if category is not None]
    if len(categories) != num_classes or not named:
        raise OpenSetError(
            f"categories of {len(categories)} classes, {len(named)} of them with one, for a "
            f"taxonomy of {num_classes} classes: give its `category_ids`, if it has categories"
        )
    none = max(named) + 1
    return np.array([none if category is None else category for category in (*categories, None)])
