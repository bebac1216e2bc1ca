"""Measure a model over samples with truth: segmentation and outlier ranking in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import Predictor, network_size
from ldn_openset_ros.metrics.by_area import AreaBin, RankingByArea
from ldn_openset_ros.metrics.ranking import RankingHistogram, RankingMeasures
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix


@dataclass(frozen=True)
class Evaluation:
    """What came out; every figure is a fraction from 0 to 1, None or NaN where undefined."""

    model: str
    protocol: str
    frames: int
    mean_iou: float | None
    class_iou: dict[str, float] | None
    ranking: dict[str, RankingMeasures]
    best_f1_thresholds: dict[str, float]
    """By score: the threshold that separates the outlier pixels best, by F1."""
    by_area: dict[str, list[AreaBin]] = field(default_factory=dict)
    """By score: ranking by the outlier's share of the picture; empty unless asked for."""

    def to_dict(self) -> dict:
        """Return plain values for JSON; NaN becomes None."""
        return _without_nan(asdict(self))


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    scores: Sequence[str],
    area_edges: Sequence[float] = (),
) -> Evaluation:
    """Run the predictor on every sample and rank all their pixels together (METHOD section 5).

    area_edges: ascending shares of the picture between which outliers are also ranked by size.
    mIoU covers samples with labels, ranking those with outlier truth. Raises OpenSetError where
    no sample has any truth.
    """
    confusion = ConfusionMatrix(predictor.taxonomy.num_classes)
    histograms = {name: RankingHistogram() for name in scores}
    by_area = {name: RankingByArea(area_edges) for name in scores if area_edges}
    frames = labelled = ranked = 0
    sizes = set()
    for sample in samples:
        frames += 1
        sizes.add(network_size(sample.rgb.shape[:2], predictor.resolution))
        labels, log_odds = predictor.judge(predictor.infer(sample.rgb), scores)
        if sample.labels is not None and predictor.gives_classes:
            labelled += 1
            confusion.add(labels, sample.labels)
        if sample.outlier is not None:
            ranked += 1
            for name, histogram in histograms.items():
                histogram.add(log_odds[name], sample.outlier)
                if by_area:
                    by_area[name].add(log_odds[name], sample.outlier)
    if not labelled and not ranked:
        usable = "labels or outlier truth" if predictor.gives_classes else "outlier truth"
        raise OpenSetError(f"no sample has {usable}: nothing can be measured")
    iou = confusion.iou() if labelled else None
    return Evaluation(
        model=predictor.name,
        protocol=_protocol(sizes, frames, ranked),
        frames=frames,
        mean_iou=confusion.mean_iou() if labelled else None,
        class_iou=None
        if iou is None
        else dict(zip(predictor.taxonomy.names, map(float, iou), strict=True)),
        ranking={n: h.measures() for n, h in histograms.items()} if ranked else {},
        best_f1_thresholds={n: h.best_f1_threshold() for n, h in histograms.items()}
        if ranked
        else {},
        by_area={n: by_size.measures() for n, by_size in by_area.items()} if ranked else {},
    )


def _protocol(sizes: set[tuple[int, int]], frames: int, ranked: int) -> str:
    at = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
    return (
        f"network at {at}, measured at the truth's size; {frames} frames, {ranked} with outlier "
        "truth; global ranking over all pixels; void pixels ignored"
    )


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, float) and value != value:
        return None
    return value
