"""The figures of a demo. No ROS here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.metrics.ranking import RankingMeasures
from ldn_openset_ros.ros.demo.tally import Tally
from ldn_openset_ros.ros.diagnostics import STAGES, WINDOW
from ldn_openset_ros.ros.latency import (
    END_TO_END,
    NODE_TOTAL,
    latency_of_samples,
    latency_of_stage,
)


@dataclass(frozen=True)
class Recording:
    """What came over the wire.

    frames_in: images since the start of the measurement; processed: those whose outputs all came;
    unmatched: outputs that belong to no image, or not all of whose companions came. seconds:
    from the first to the last processed frame. end_to_end: seconds from stamp to receipt, by
    frame. diagnostics: values of the node's reports. legend: its latest; None = none came.
    faults: what was wrong, and how often. interrupted: by Ctrl-C.
    """

    frames_in: int
    processed: int
    unmatched: int
    seconds: float
    end_to_end: Sequence[float]
    diagnostics: Sequence[Mapping[str, str]]
    legend: Mapping | None
    faults: Mapping[str, int]
    interrupted: bool = False


@dataclass(frozen=True)
class Summary:
    """What `summary.json` holds.

    Latencies are milliseconds by stage, measures fractions from 0 to 1; what could not be had is
    None, and `missing` says why. node: the model and the settings that the node ran with.
    """

    valid: bool
    problems: tuple[str, ...]
    source: str
    node: dict[str, str | float | int]
    seconds: float
    frames_in: int
    processed: int
    dropped: int
    unmatched: int
    rate_hz: float | None
    latency_ms: dict[str, Timing | None]
    average_precision: float | None
    auroc: float | None
    fpr95: float | None
    mean_iou: float | None
    open_set_mean_iou: float | None
    missing: dict[str, str]
    protocol: str

    def to_dict(self) -> dict:
        """Return plain values for JSON."""
        return asdict(self)


def summarise(source: str, recording: Recording, tally: Tally) -> Summary:
    """Put a recording and its measures together; `source` is what the camera was."""
    problems = find_problems(recording, tally)
    missing: dict[str, str] = {}
    latencies: dict[str, Timing | None] = {
        stage: latency_of_stage(recording.diagnostics, stage) for stage in (*STAGES, NODE_TOTAL)
    }
    latencies[END_TO_END] = latency_of_samples(recording.end_to_end)
    for stage, latency in latencies.items():
        if latency is None and stage != END_TO_END:
            missing[f"latency_ms.{stage}"] = "the node's diagnostics did not tell it"
    if latencies[END_TO_END] is None:
        missing[f"latency_ms.{END_TO_END}"] = "stamps are of another clock, as a bag's are"
    rate = rate_of(recording)
    if rate is None:
        missing["rate_hz"] = "less than two frames were processed"
    measures = _measures(tally, missing)
    return Summary(
        valid=not problems,
        problems=problems,
        source=source,
        node=node_settings(recording),
        seconds=round(recording.seconds, 3),
        frames_in=recording.frames_in,
        processed=recording.processed,
        dropped=recording.frames_in - recording.processed,
        unmatched=recording.unmatched,
        rate_hz=rate,
        latency_ms=latencies,
        **measures,
        missing=missing,
        protocol=protocol(recording, tally),
    )


def find_problems(recording: Recording, tally: Tally) -> tuple[str, ...]:
    """Return, one line each, why the outputs are not valid; empty when they are."""
    problems = []
    if recording.interrupted:
        problems.append(f"interrupted after {recording.seconds:.1f} s")
    if not tally.frames:
        problems.append("no frame could be measured")
    if not recording.diagnostics:
        problems.append("no diagnostics came")
    for faults in (recording.faults, tally.faults):
        problems += [f"{fault} ({count} frames)" for fault, count in faults.items()]
    return tuple(problems)


def node_settings(recording: Recording) -> dict[str, str | float | int]:
    """Return the model and settings that the node told in its legend and its diagnostics."""
    legend = recording.legend or {}
    settings = {
        name: legend[name]
        for name in ("model", "fusion", "threshold", "resolution")
        if name in legend
    }
    if recording.diagnostics:
        latest = recording.diagnostics[-1]
        settings |= {name: latest[name] for name in ("device", "precision") if name in latest}
    return settings


def rate_of(recording: Recording) -> float | None:
    """Return processed frames per second; None with less than two."""
    if recording.processed < 2 or recording.seconds <= 0:
        return None
    # Between n frames lie n - 1 periods.
    return round((recording.processed - 1) / recording.seconds, 3)


def protocol(recording: Recording, tally: Tally) -> str:
    """Return in one line what the measures were taken of, and how."""
    sizes = ", ".join(f"{width}x{height}" for height, width in sorted(tally.sizes)) or "-"
    folded = tally.note and f" ({tally.note})"
    return (
        f"published maps, measured at the camera's {sizes}; {tally.frames} of "
        f"{recording.processed} processed frames measured, {tally.ranked} with outlier truth, "
        f"{tally.labelled} with labels{folded}; global ranking over all pixels, one confusion "
        "matrix; void pixels ignored; latency by stage: median over the node's reports of "
        f"{WINDOW:g} s, end to end: from the image's stamp to the receipt of all outputs"
    )


def _measures(tally: Tally, missing: dict[str, str]) -> dict[str, float | None]:
    """Return the measures by name; tell in `missing` why one is None."""
    ranking = tally.ranking or RankingMeasures(math.nan, math.nan, math.nan, 0, 0)
    no_ranking = tally.outlier_error or "no outlier truth"
    if tally.ranking is not None:
        no_ranking = "the truth lacks outlier or inlier pixels"
    no_iou = tally.labels_error or "no truth of labels"
    measures = {
        "average_precision": (ranking.average_precision, no_ranking),
        "auroc": (ranking.auroc, no_ranking),
        "fpr95": (ranking.fpr95, no_ranking),
        "mean_iou": (tally.mean_iou, no_iou),
        "open_set_mean_iou": (tally.open_set_mean_iou, no_iou),
    }
    values = {}
    for name, (value, reason) in measures.items():
        defined = value is not None and not math.isnan(value)
        values[name] = value if defined else None
        if not defined:
            missing[name] = reason
    return values
