"""Measure recorded frames against the truth, one after another. No ROS here."""

from __future__ import annotations

from collections import Counter

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.ranking import RankingHistogram, RankingMeasures
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix
from ldn_openset_ros.ros.demo.frame import RecordedFrame, check_contents
from ldn_openset_ros.taxonomy import Taxonomy
from ldn_openset_ros.taxonomy_mapping import compare_classes


class Tally:
    """Check frames and sum up their measures.

    frames, ranked, labelled: how many were added, had outlier truth, had labels.
    faults: what was wrong with outputs, and how often.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        threshold: float,
        opacity: float,
        truth: Taxonomy | None = None,
    ) -> None:
        """Take what the node says about its outputs: classes, threshold, the overlay's opacity.

        truth: classes of the truth of labels; None = the node's.
        """
        self._classes = compare_classes(taxonomy, truth)
        self.frames = self.ranked = self.labelled = 0
        self.faults: Counter[str] = Counter()
        self.sizes: set[tuple[int, int]] = set()
        """Sizes of the frames, (height, width)."""
        self.outlier_error: str | None = None
        self.labels_error: str | None = self._classes.mismatch or None
        """Why the truth cannot be used, if so."""
        self._taxonomy = taxonomy
        self._threshold = threshold
        self._opacity = opacity
        self._ranking = RankingHistogram()
        measured = self._classes.taxonomy or taxonomy
        self._closed_set = ConfusionMatrix(measured.num_classes)
        self._open_set = ConfusionMatrix(measured.num_classes)

    def add(self, frame: RecordedFrame) -> None:
        """Check a frame's outputs; measure them if they are valid."""
        self.frames += 1
        self.sizes.add(frame.labels.shape)
        try:
            check_contents(frame, self._taxonomy, self._threshold, self._opacity)
        except OpenSetError as error:
            self.faults[str(error)] += 1
            return
        # Truth that cannot be used, such as a bag's of other classes, is no fault of the outputs.
        if frame.outlier_truth is not None and self.outlier_error is None:
            try:
                self._ranking.add_probabilities(frame.outlier, frame.outlier_truth)
                self.ranked += 1
            except OpenSetError as error:
                self.outlier_error = str(error)
        if frame.labels_truth is not None and self.labels_error is None:
            try:
                self._closed_set.add(self._classes.fold(frame.labels), frame.labels_truth)
                self._open_set.add(self._classes.fold(frame.open_set), frame.labels_truth)
                self.labelled += 1
            except OpenSetError as error:
                self.labels_error = str(error)

    @property
    def note(self) -> str:
        """What was done to compare labels, for the protocol; empty where that was nothing."""
        return self._classes.note

    @property
    def ranking(self) -> RankingMeasures | None:
        """AP, AUROC and FPR95 over all pixels of all frames; None without usable truth."""
        usable = self.ranked and not self.outlier_error
        return self._ranking.measures() if usable else None

    @property
    def mean_iou(self) -> float | None:
        """Of the labels, as a fraction; None without usable truth."""
        return self._closed_set.mean_iou() if self.labelled and not self.labels_error else None

    @property
    def open_set_mean_iou(self) -> float | None:
        """Of the open-set map: an inlier called outlier is a miss; None without usable truth."""
        return self._open_set.mean_iou() if self.labelled and not self.labels_error else None
