"""What an evaluation found: the content of `summary.json` and `timing.json`.

Fractions run from 0 to 1; a figure that is not defined, or was not asked for, is None. Equal
input gives an equal RunSummary, but for live runs, whose node is as fast as its machine.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.settings import FROZEN, settings_from_dict

FORMAT = 1


@dataclass(frozen=True)
class Estimate:
    """A measure and its 95 % bootstrap interval over frames, all None where undefined."""

    __pydantic_config__ = FROZEN
    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Curve:
    """Points of a curve, thinned out for plotting; `x` never falls."""

    __pydantic_config__ = FROZEN
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class ScoreHistogram:
    """Counts of pixels between `edges`, log-odds from -20 to 20; the end bins hold the rest."""

    __pydantic_config__ = FROZEN
    edges: tuple[float, ...]
    inliers: tuple[int, ...]
    outliers: tuple[int, ...]


@dataclass(frozen=True)
class AreaSummary:
    """Ranking of the outliers whose share of the picture lies in [lower, upper).

    matched_average_precision: AP if outliers were as frequent as in the whole test set, so that
    bins can be compared with each other.
    """

    __pydantic_config__ = FROZEN
    lower: float
    upper: float
    objects: int
    positives: int
    average_precision: float | None
    matched_average_precision: float | None
    auroc: float | None
    fpr95: float | None


@dataclass(frozen=True)
class PerImageSummary:
    """Means of per-image measures over the `frames` that hold outliers and inliers."""

    __pydantic_config__ = FROZEN
    frames: int
    average_precision: float | None
    auroc: float | None
    fpr95: float | None


@dataclass(frozen=True)
class ComponentSummary:
    """SegmentMeIfYouCan's component measures of one score at one threshold.

    track: "anomaly" or "obstacle", which sets the smallest components. threshold: of the
    published probability. mean_siou: over true components; mean_ppv: over predicted ones;
    mean_f1: over the sIoU thresholds 0.25 to 0.75.
    """

    __pydantic_config__ = FROZEN
    track: str
    threshold: float
    true_components: int
    predicted_components: int
    mean_siou: float | None
    mean_ppv: float | None
    mean_f1: float | None


@dataclass(frozen=True)
class ScoreSummary:
    """How well one outlier score ranks pixels.

    roc: false-positive rate against true-positive rate. precision_recall: recall against
    precision. per_image, components: None unless asked for.
    """

    __pydantic_config__ = FROZEN
    average_precision: Estimate
    auroc: Estimate
    fpr95: Estimate
    positives: int
    negatives: int
    best_f1_threshold: float | None
    precision_recall: Curve
    roc: Curve
    histogram: ScoreHistogram
    by_area: tuple[AreaSummary, ...]
    per_image: PerImageSummary | None = None
    components: ComponentSummary | None = None


@dataclass(frozen=True)
class SegmentationSummary:
    """Segmentation quality over the frames with truth of classes.

    class_iou: by class, closed set. open_set_*: of the open-set map, where an inlier that is
    called outlier is a miss; None without a decision. category_mean_iou: None where the taxonomy
    has no categories. mean_instance_iou: iIoU, None without truth of instances;
    category_mean_instance_iou: that of the categories whose classes all have instances.
    """

    __pydantic_config__ = FROZEN
    frames: int
    pixels: int
    pixel_accuracy: float | None
    mean_iou: Estimate
    class_iou: dict[str, float | None]
    open_set_mean_iou: Estimate | None
    open_set_class_iou: dict[str, float | None] | None
    category_mean_iou: Estimate | None
    mean_instance_iou: Estimate | None
    category_mean_instance_iou: Estimate | None = None


@dataclass(frozen=True)
class Calibration:
    """Reliability of the published probability in equal bins; empty bins are None."""

    __pydantic_config__ = FROZEN
    expected_calibration_error: float | None
    confidence: tuple[float | None, ...]
    outlier_share: tuple[float | None, ...]
    pixels: tuple[int, ...]


@dataclass(frozen=True)
class DecisionSummary:
    """The published decision: one score, one threshold.

    outlier_share: share of all pixels that are called outlier, truth or not. The rates need
    outlier truth.
    """

    __pydantic_config__ = FROZEN
    score: str
    threshold: float
    outlier_share: float | None
    true_positive_rate: float | None
    false_positive_rate: float | None
    calibration: Calibration | None


@dataclass(frozen=True)
class WorstFrame:
    """A frame with many wrong pixels and its picture, a path relative to the results folder."""

    __pydantic_config__ = FROZEN
    frame: str
    pixels: int
    picture: str


@dataclass(frozen=True)
class RunSummary:
    """Everything that one evaluation found.

    method: "model" ran a model; "recorded" judged outputs of a bag; "live" judged what the node
    published. protocol: what every figure rests on, in one line. configuration: all that the
    figures depend on, plain values; configuration_hash: SHA-256 of it, hexadecimal. sources: what
    was evaluated, several bags for one. missed_outliers: frames with the most outlier pixels that
    were not called so; false_alarms: with the most inlier pixels called outlier; most_outliers:
    with the most pixels called outlier, truth or not; worst first.
    faults: number of messages, or frames, by what was wrong with them. class_mismatch: why
    truth of classes was left out although there is some; empty where it was not.
    """

    __pydantic_config__ = FROZEN
    format: int
    title: str
    method: str
    protocol: str
    configuration: dict[str, Any]
    configuration_hash: str
    sources: tuple[str, ...]
    frames: int
    ranked_frames: int
    segmentation: SegmentationSummary | None
    scores: dict[str, ScoreSummary]
    decision: DecisionSummary | None
    missed_outliers: tuple[WorstFrame, ...]
    false_alarms: tuple[WorstFrame, ...]
    most_outliers: tuple[WorstFrame, ...]
    faults: dict[str, int]
    class_mismatch: str = ""


@dataclass(frozen=True)
class StageTime:
    """Milliseconds a frame in one stage.

    mean: None for the stages of a live node, which tells its quantiles alone.
    """

    __pydantic_config__ = FROZEN
    mean: float | None
    p50: float
    p95: float


@dataclass(frozen=True)
class TimingSummary:
    """What depends on the machine and the hour.

    finished: UTC, ISO 8601. seconds: of the whole evaluation. stages: by name, in order.
    sent, received: frames, for a live run alone.
    """

    __pydantic_config__ = FROZEN
    finished: str
    seconds: float
    frames: int
    stages: dict[str, StageTime]
    sent: int | None = None
    received: int | None = None


def to_json(summary: Any) -> str:
    """Return a summary dataclass as JSON text; NaN becomes null."""
    return json.dumps(without_nan(asdict(summary)), indent=2, allow_nan=False) + "\n"


def read_summary(kind: type, path: Path) -> Any:
    """Read a RunSummary or TimingSummary; raises OpenSetError for a missing or foreign file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OpenSetError(
            f"no results at {path}: give the folder that evaluate or evaluate-bag wrote with -o"
        ) from None
    except (OSError, ValueError) as error:
        raise OpenSetError(f"cannot read {path}: {error}") from None
    return settings_from_dict(kind, values, path)


def known(value: float) -> float | None:
    """Return a figure, None in place of NaN."""
    return None if math.isnan(value) else value


def without_nan(value: Any) -> Any:
    """Return nested dicts, lists and tuples with None in place of NaN."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
