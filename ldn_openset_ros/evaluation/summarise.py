"""From the counts of an evaluation to its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ldn_openset_ros.evaluation.bootstrap import COVERAGE, percentile_interval
from ldn_openset_ros.evaluation.measurement import (
    BOOTSTRAP_BINS,
    Decision,
    Measurement,
    MeasureSettings,
    ScoreMeasurement,
    SegmentationCounts,
)
from ldn_openset_ros.evaluation.results_folder import configuration_hash
from ldn_openset_ros.evaluation.summary import (
    FORMAT,
    AreaSummary,
    Calibration,
    ComponentSummary,
    Curve,
    DecisionSummary,
    Estimate,
    PerImageSummary,
    RunSummary,
    ScoreHistogram,
    ScoreSummary,
    SegmentationSummary,
    known,
)
from ldn_openset_ros.evaluation.worst_frames import WorstFrames
from ldn_openset_ros.inference.calibration import tempered
from ldn_openset_ros.inference.predictor import network_size
from ldn_openset_ros.metrics.calibration import reliability
from ldn_openset_ros.metrics.curves import precision_recall_curve, roc_curve, score_histogram
from ldn_openset_ros.metrics.ranking import NUM_BINS, measure_counts
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix, category_confusion
from ldn_openset_ros.taxonomy import Taxonomy

RANKING_MEASURES = ("average_precision", "auroc", "fpr95")
DIGITS = 6
"""Significant digits of the points of curves."""


@dataclass(frozen=True)
class RunDescription:
    """What the counts are of.

    title, method, configuration, sources: as in RunSummary. origin: how the maps came about, for
    the protocol: "network" or "recorded outputs". resolution: of the network, as a predictor has
    it; None where it is not known. class_mismatch: as in RunSummary. note: what else the protocol
    must say.
    """

    title: str
    method: str
    origin: str
    configuration: dict[str, Any]
    sources: tuple[str, ...]
    resolution: int | None = None
    note: str = ""
    class_mismatch: str = ""


@dataclass(frozen=True)
class Extras:
    """What an evaluation knows beside its counts."""

    worst: WorstFrames = field(default_factory=WorstFrames)
    components: dict[str, ComponentSummary] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)


def summarise(
    measurement: Measurement, description: RunDescription, extras: Extras | None = None
) -> RunSummary:
    """Return the figures of an evaluation."""
    extras = extras or Extras()
    totals, settings = measurement.totals, measurement.settings
    scores = {}
    if totals.ranked_frames:
        scores = {
            name: summarise_score(
                counted, temperature_of(settings, name), extras.components.get(name)
            )
            for name, counted in measurement.scores.items()
        }
    return RunSummary(
        format=FORMAT,
        title=description.title,
        method=description.method,
        protocol=protocol(
            measurement,
            description.origin,
            description.resolution,
            "; ".join(filter(None, (description.class_mismatch, description.note))),
        ),
        configuration=description.configuration,
        configuration_hash=configuration_hash(description.configuration),
        sources=description.sources,
        frames=totals.frames,
        ranked_frames=totals.ranked_frames,
        segmentation=summarise_segmentation(measurement) if totals.labelled_frames else None,
        scores=scores,
        decision=None if settings.decision is None else summarise_decision(measurement),
        **{kind: tuple(frames) for kind, frames in extras.worst.ranked.items()},
        faults=dict(sorted(extras.faults.items())),
        class_mismatch=description.class_mismatch,
    )


def protocol(measurement: Measurement, origin: str, resolution: int | None, note: str = "") -> str:
    """Return in one line what every figure rests on; see RunDescription for the words."""
    totals, settings = measurement.totals, measurement.settings
    if resolution is not None:
        origin += f" at {_list({network_size(size, resolution) for size in totals.sizes})}"
    pixels = max(
        (int(counted.ranking.counts.sum()) for counted in measurement.scores.values()), default=0
    )
    factor = settings.downsample
    thinned = f"; ranking of one pixel in {factor}x{factor}" if factor > 1 else ""
    parts = [
        f"{origin}, measured at {_list(totals.sizes)}{thinned}",
        f"{totals.frames} frames, {totals.truth_frames} with outlier truth ({pixels:,} pixels "
        f"ranked), {totals.labelled_frames} with labels",
        f"global ranking over all pixels, {NUM_BINS:,} log-odds bins",
        "pixels of truth 255 ignored",
    ]
    if note:
        parts.append(note)
    if settings.per_image:
        parts.append("per-image figures are means over frames with outliers and inliers")
    if settings.replicates:
        parts.append(
            f"{100 * COVERAGE:.0f} % intervals: Poisson bootstrap over frames, "
            f"{settings.replicates} replicates"
        )
    return "; ".join(parts)


def temperature_of(settings: MeasureSettings, score: str) -> float:
    """Return what divides a score's log-odds before it is published."""
    decision = settings.decision
    return decision.temperature if decision is not None and decision.score == score else 1.0


def summarise_score(
    counted: ScoreMeasurement,
    temperature: float = 1.0,
    components: ComponentSummary | None = None,
) -> ScoreSummary:
    """Return the ranking quality of one score; temperature: of its published probability."""
    measures = counted.ranking.measures()
    intervals = ranking_intervals(counted)
    recall, precision = precision_recall_curve(counted.ranking)
    false_positives, true_positives = roc_curve(counted.ranking)
    return ScoreSummary(
        **{
            name: Estimate(known(getattr(measures, name)), *intervals[name])
            for name in RANKING_MEASURES
        },
        positives=measures.positives,
        negatives=measures.negatives,
        best_f1_threshold=known(tempered(counted.ranking.best_f1_threshold(), temperature)),
        precision_recall=_curve(recall, precision),
        roc=_curve(false_positives, true_positives),
        histogram=ScoreHistogram(
            *(tuple(part.tolist()) for part in score_histogram(counted.ranking))
        ),
        by_area=_by_area(counted),
        per_image=_per_image(counted),
        components=components,
    )


def ranking_intervals(
    counted: ScoreMeasurement,
) -> dict[str, tuple[float | None, float | None]]:
    """Return the 95 % interval of every ranking measure; (None, None) where there is none.

    Replicates have coarse bins: what that changes in the measure of all frames is taken off.
    """
    unknown = dict.fromkeys(RANKING_MEASURES, (None, None))
    if counted.bootstrap.frames < 2:
        return unknown
    coarse = counted.ranking.counts.reshape(2, BOOTSTRAP_BINS, NUM_BINS // BOOTSTRAP_BINS).sum(2)
    exact, rough = counted.ranking.measures(), measure_counts(coarse)
    replicates = [measure_counts(sums) for sums in counted.bootstrap.sums]
    found = {}
    for name in RANKING_MEASURES:
        shift = getattr(exact, name) - getattr(rough, name)
        interval = percentile_interval(getattr(entry, name) + shift for entry in replicates)
        found[name] = _clipped(interval)
    return found


def summarise_segmentation(measurement: Measurement) -> SegmentationSummary:
    """Return the segmentation quality; the measurement has a taxonomy and frames with labels."""
    taxonomy, closed = measurement.settings.taxonomy, measurement.closed_set
    opened = measurement.open_set if measurement.open_set.bootstrap.frames else None
    confusion = closed.confusion
    return SegmentationSummary(
        frames=measurement.totals.labelled_frames,
        pixels=int(confusion.counts.sum()),
        pixel_accuracy=known(confusion.pixel_accuracy()),
        mean_iou=_estimate(closed, ConfusionMatrix.mean_iou),
        class_iou=_class_iou(confusion, taxonomy),
        open_set_mean_iou=None if opened is None else _estimate(opened, ConfusionMatrix.mean_iou),
        open_set_class_iou=None if opened is None else _class_iou(opened.confusion, taxonomy),
        category_mean_iou=None
        if not taxonomy.categories
        else _estimate(closed, lambda c: category_confusion(c, taxonomy.category_ids).mean_iou()),
        mean_instance_iou=_defined(measurement.instances.mean_iou()),
        category_mean_instance_iou=None
        if not taxonomy.categories
        else _defined(measurement.instances.category_mean_iou(taxonomy.category_ids)),
    )


def summarise_decision(measurement: Measurement) -> DecisionSummary:
    """Return how the published decision did."""
    totals, decision = measurement.totals, measurement.settings.decision
    return DecisionSummary(
        score=decision.score,
        threshold=decision.threshold,
        outlier_share=_share(totals.called, totals.decided_pixels),
        true_positive_rate=_share(totals.outliers - totals.missed, totals.outliers),
        false_positive_rate=_share(totals.false_alarms, totals.inliers),
        calibration=_calibration(measurement, decision),
    )


def _calibration(measurement: Measurement, decision: Decision) -> Calibration | None:
    counted = measurement.scores.get(decision.score)
    if counted is None or not measurement.totals.ranked_frames:
        return None
    measured = reliability(counted.ranking, decision.temperature)
    return Calibration(
        expected_calibration_error=known(measured.expected_calibration_error()),
        confidence=tuple(map(known, measured.confidence.tolist())),
        outlier_share=tuple(map(known, measured.outlier_share.tolist())),
        pixels=tuple(measured.pixels.tolist()),
    )


def _per_image(counted: ScoreMeasurement) -> PerImageSummary | None:
    if counted.per_image is None:
        return None
    means = counted.per_image.measures()
    return PerImageSummary(
        means.images, **{name: known(getattr(means, name)) for name in RANKING_MEASURES}
    )


def _by_area(counted: ScoreMeasurement) -> tuple[AreaSummary, ...]:
    if counted.by_area is None:
        return ()
    return tuple(
        AreaSummary(
            lower=entry.lower,
            upper=entry.upper,
            objects=entry.objects,
            positives=entry.measures.positives,
            matched_average_precision=known(entry.matched_average_precision),
            **{name: known(getattr(entry.measures, name)) for name in RANKING_MEASURES},
        )
        for entry in counted.by_area.measures()
    )


def _defined(value: float) -> Estimate | None:
    return None if math.isnan(value) else Estimate(value)


def _estimate(
    counted: SegmentationCounts, measure: Callable[[ConfusionMatrix], float]
) -> Estimate:
    value = measure(counted.confusion)
    if counted.bootstrap.frames < 2:
        return Estimate(known(value))
    replicates = (measure(_confusion(sums)) for sums in counted.bootstrap.sums)
    return Estimate(known(value), *_clipped(percentile_interval(replicates)))


def _confusion(counts: np.ndarray) -> ConfusionMatrix:
    return ConfusionMatrix.from_arrays({"counts": counts.astype(np.int64)})


def _class_iou(confusion: ConfusionMatrix, taxonomy: Taxonomy) -> dict[str, float | None]:
    return dict(zip(taxonomy.names, map(known, confusion.iou().tolist()), strict=True))


def _list(sizes: Collection[tuple[int, int]]) -> str:
    """Return (height, width) sizes as people write them."""
    return ", ".join(f"{width}x{height}" for height, width in sorted(sizes)) or "-"


def _curve(x: np.ndarray, y: np.ndarray) -> Curve:
    return Curve(*(tuple(float(f"{v:.{DIGITS}g}") for v in values) for values in (x, y)))


def _clipped(interval: Sequence[float] | None) -> tuple[float | None, float | None]:
    if interval is None:
        return None, None
    lower, upper = (min(max(bound, 0.0), 1.0) for bound in interval)
    return lower, upper


def _share(part: float, whole: int) -> float | None:
    return float(part) / int(whole) if whole else None
