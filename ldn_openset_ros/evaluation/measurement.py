"""All measures of an evaluation in one pass: constant memory, mergeable, exactly resumable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bootstrap import REPLICATES, PoissonBootstrap, frame_weights
from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.metrics.by_area import RankingByArea
from ldn_openset_ros.metrics.downsampling import downsample
from ldn_openset_ros.metrics.instance_iou import InstanceIou
from ldn_openset_ros.metrics.per_image import PerImageRanking
from ldn_openset_ros.metrics.ranking import NUM_BINS, RankingHistogram, bin_counts
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix
from ldn_openset_ros.taxonomy import Taxonomy

AREA_EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Shares of the picture between which outliers are ranked by size."""

BOOTSTRAP_BINS = 2048
"""Of the ranking in each bootstrap replicate: enough for an interval, which is wider than the
error of coarse bins."""


@dataclass(frozen=True)
class Decision:
    """The score, threshold and temperature that a published outlier decision rests on."""

    score: str
    threshold: float
    temperature: float = 1.0


@dataclass(frozen=True)
class MeasureSettings:
    """What is measured.

    scores: whose ranking. taxonomy: of labels and open-set maps; None where they are not known.
    decision: None where there is none. area_edges: ascending shares of the picture; empty for no
    ranking by size. downsample: take every n-th pixel of every n-th row for ranking, as the paper
    does on StreetHazards with 10. per_image: also the mean of per-image measures. replicates: of
    the bootstrap; 0 for no intervals.
    """

    scores: tuple[str, ...] = ()
    taxonomy: Taxonomy | None = None
    decision: Decision | None = None
    area_edges: tuple[float, ...] = AREA_EDGES
    downsample: int = 1
    per_image: bool = False
    replicates: int = REPLICATES

    def protocol_values(self) -> dict[str, Any]:
        """Return what decides how figures are measured, as plain values."""
        return {
            "area_edges": list(self.area_edges),
            "downsample": self.downsample,
            "per_image": self.per_image,
            "replicates": self.replicates,
        }


@dataclass
class ScoreMeasurement:
    """What is counted for one score."""

    ranking: RankingHistogram
    bootstrap: PoissonBootstrap
    by_area: RankingByArea | None
    per_image: PerImageRanking | None


@dataclass
class Totals:
    """Frames and pixels: sums over the frame records."""

    frames: int = 0
    ranked_frames: int = 0
    truth_frames: int = 0
    labelled_frames: int = 0
    pixels: int = 0
    decided_pixels: int = 0
    called: int = 0
    outliers: int = 0
    inliers: int = 0
    missed: int = 0
    false_alarms: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    """(height, width) of the frames."""


COUNTED = tuple(entry.name for entry in fields(Totals) if entry.name != "sizes")
"""The integers of Totals."""


class Measurement:
    """Counts of frames, to be turned into figures by `summarise`.

    Everything is an integer count, so that merging shards in any order, or going on from a saved
    state, gives exactly what one pass gives.
    """

    def __init__(self, settings: MeasureSettings) -> None:
        """Start empty."""
        self.settings = settings
        self.totals = Totals()
        self.scores = {name: _score_measurement(settings) for name in settings.scores}
        self.closed_set = self.open_set = self.instances = None
        if settings.taxonomy is not None:
            classes = settings.taxonomy.num_classes
            self.closed_set = SegmentationCounts(classes, settings.replicates)
            self.open_set = SegmentationCounts(classes, settings.replicates)
            self.instances = InstanceIou(settings.taxonomy.instance_sizes)

    def add(self, frame: JudgedFrame) -> FrameRecord:
        """Count a frame; return what is to be kept of it.

        Raises OpenSetError, which names the frame, where maps and truth contradict each other or
        a score is NaN; then nothing of the frame is counted.
        """
        try:
            check_probability(frame.prediction.outlier)
            ranked = {name: self._rank(frame, name) for name in self._ranked_scores(frame)}
            confusions = list(self._confuse(frame))
            instances = self._count_instances(frame)
        except OpenSetError as error:
            raise OpenSetError(f"{frame.source}, frame {frame.name}: {error}") from None
        record = frame_record(frame)
        weights = frame_weights(frame.source, frame.name, self.settings.replicates)
        for name, counts in ranked.items():
            self._add_ranking(frame, name, counts, weights)
        for target, confusion in confusions:
            target.add(confusion, weights)
        if instances is not None:
            self.instances.merge(instances)
        self._add_totals(frame, record, bool(ranked), bool(confusions))
        return record

    def merge(self, other: Measurement) -> None:
        """Take in all frames of another one; raises OpenSetError for other settings."""
        if self.settings != other.settings:
            raise OpenSetError("measurements of different settings cannot be merged")
        for (_, mine), (_, theirs) in zip(
            self._accumulators(), other._accumulators(), strict=True
        ):
            mine.merge(theirs)
        for name in COUNTED:
            setattr(self.totals, name, getattr(self.totals, name) + getattr(other.totals, name))
        self.totals.sizes |= other.totals.sizes

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all counts by name, for `from_arrays`."""
        arrays = {
            f"{name}/{key}": array
            for name, accumulator in self._accumulators()
            for key, array in accumulator.to_arrays().items()
        }
        arrays["totals"] = np.array([getattr(self.totals, name) for name in COUNTED], np.int64)
        arrays["sizes"] = np.array(sorted(self.totals.sizes), np.int64).reshape(-1, 2)
        return arrays

    @classmethod
    def from_arrays(
        cls, settings: MeasureSettings, arrays: Mapping[str, np.ndarray]
    ) -> Measurement:
        """Build the measurement that `to_arrays` was called on; the settings must be the same."""
        measurement = cls(settings)
        for name, accumulator in measurement._accumulators():
            prefix = f"{name}/"
            own = {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}
            accumulator.merge(type(accumulator).from_arrays(own))
        for name, value in zip(COUNTED, arrays["totals"], strict=True):
            setattr(measurement.totals, name, int(value))
        measurement.totals.sizes = {(int(h), int(w)) for h, w in arrays["sizes"]}
        return measurement

    def _ranked_scores(self, frame: JudgedFrame) -> list[str]:
        if frame.outlier_truth is None:
            return []
        return [name for name in self.scores if name in frame.log_odds]

    def _rank(self, frame: JudgedFrame, name: str) -> np.ndarray:
        return bin_counts(*self._thinned(frame, name))

    def _thinned(self, frame: JudgedFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
        factor = self.settings.downsample
        return downsample(frame.log_odds[name], factor), downsample(frame.outlier_truth, factor)

    def _add_ranking(
        self, frame: JudgedFrame, name: str, counts: np.ndarray, weights: np.ndarray
    ) -> None:
        measured = self.scores[name]
        measured.ranking.add_counts(counts)
        coarse = counts.reshape(2, BOOTSTRAP_BINS, NUM_BINS // BOOTSTRAP_BINS).sum(2)
        measured.bootstrap.add(weights, coarse)
        if measured.by_area is not None:
            measured.by_area.add(*self._thinned(frame, name), counts)
        if measured.per_image is not None:
            measured.per_image.add(counts)

    def _confuse(self, frame: JudgedFrame) -> Iterator[tuple[SegmentationCounts, ConfusionMatrix]]:
        if frame.label_truth is None or self.closed_set is None:
            return
        maps = (
            (self.closed_set, frame.prediction.labels),
            (self.open_set, frame.prediction.open_set),
        )
        for target, prediction in maps:
            if prediction is not None:
                confusion = ConfusionMatrix(self.settings.taxonomy.num_classes)
                confusion.add(prediction, frame.label_truth)
                yield target, confusion

    def _count_instances(self, frame: JudgedFrame) -> InstanceIou | None:
        maps = (frame.prediction.labels, frame.label_truth, frame.instance_truth)
        if self.instances is None or any(map_ is None for map_ in maps):
            return None
        counted = InstanceIou(self.settings.taxonomy.instance_sizes)
        counted.add(*maps)
        return counted

    def _add_totals(
        self, frame: JudgedFrame, record: FrameRecord, ranked: bool, labelled: bool
    ) -> None:
        totals = self.totals
        totals.frames += 1
        totals.ranked_frames += ranked
        totals.truth_frames += frame.outlier_truth is not None
        totals.labelled_frames += labelled
        totals.pixels += math.prod(frame.size)
        totals.sizes.add(frame.size)
        if frame.called is not None:
            totals.decided_pixels += frame.called.size
            totals.called += int(np.count_nonzero(frame.called))
        if record.missed is not None:
            totals.outliers += record.outliers
            totals.inliers += record.inliers
            totals.missed += record.missed
            totals.false_alarms += record.false_alarms

    def _accumulators(self) -> Iterator[tuple[str, Any]]:
        """Yield every accumulator with a name of its own; all merge and turn into arrays."""
        for name, measured in self.scores.items():
            for part, accumulator in vars(measured).items():
                if accumulator is not None:
                    yield f"{name}.{part}", accumulator
        for part in ("closed_set", "open_set"):
            counts = getattr(self, part)
            if counts is not None:
                yield f"{part}.confusion", counts.confusion
                yield f"{part}.bootstrap", counts.bootstrap
        if self.instances is not None:
            yield "instances", self.instances


class SegmentationCounts:
    """A confusion matrix, and its bootstrap over frames."""

    def __init__(self, num_classes: int, replicates: int) -> None:
        """Start empty."""
        self.confusion = ConfusionMatrix(num_classes)
        self.bootstrap = PoissonBootstrap(self.confusion.counts.shape, replicates)

    def add(self, confusion: ConfusionMatrix, weights: np.ndarray) -> None:
        """Count a frame: its confusion matrix, int64 (replicates,) weights."""
        self.confusion.merge(confusion)
        self.bootstrap.add(weights, confusion.counts)


def check_probability(outlier: np.ndarray | None) -> None:
    """Raise OpenSetError where an outlier probability is NaN, which decides nothing."""
    if outlier is not None and math.isnan(outlier.min(initial=0.0)):
        raise OpenSetError("the outlier probability holds NaN: check the model and its weights")


def frame_record(frame: JudgedFrame) -> FrameRecord:
    """Count a frame's pixels at the decision."""
    called, truth = frame.called, frame.outlier_truth
    outlier = None if truth is None else truth == 1
    inlier = None if truth is None else truth == 0
    decided = called is not None and truth is not None
    return FrameRecord(
        frame=frame.name,
        source=frame.source,
        stamp_ns=frame.stamp_ns,
        width=frame.size[1],
        height=frame.size[0],
        outlier_share=None if called is None else float(called.mean()),
        outliers=None if outlier is None else int(outlier.sum()),
        inliers=None if inlier is None else int(inlier.sum()),
        missed=int((outlier & ~called).sum()) if decided else None,
        false_alarms=int((inlier & called).sum()) if decided else None,
    )


def _score_measurement(settings: MeasureSettings) -> ScoreMeasurement:
    return ScoreMeasurement(
        ranking=RankingHistogram(),
        bootstrap=PoissonBootstrap((2, BOOTSTRAP_BINS), settings.replicates),
        by_area=RankingByArea(settings.area_edges) if settings.area_edges else None,
        per_image=PerImageRanking() if settings.per_image else None,
    )
