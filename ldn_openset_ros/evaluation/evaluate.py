"""Measure a model over samples with truth: segmentation and outlier ranking in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame, StopWatch, judge_sample
from ldn_openset_ros.evaluation.measurement import Decision, Measurement, MeasureSettings
from ldn_openset_ros.evaluation.run import OpenFrames
from ldn_openset_ros.evaluation.summarise import protocol
from ldn_openset_ros.evaluation.summary import without_nan
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.metrics.by_area import AreaBin
from ldn_openset_ros.metrics.ranking import RankingMeasures
from ldn_openset_ros.taxonomy import Taxonomy
from ldn_openset_ros.taxonomy_mapping import compare_classes


@dataclass(frozen=True)
class Evaluation:
    """The main figures; every one is a fraction from 0 to 1, None or NaN where undefined."""

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
        return without_nan(asdict(self))


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    scores: Sequence[str],
    area_edges: Sequence[float] = (),
    taxonomy: Taxonomy | None = None,
) -> Evaluation:
    """Run the predictor on every sample and rank all their pixels together (METHOD section 5).

    area_edges: ascending shares of the picture between which outliers are also ranked by size.
    taxonomy: classes of the labels; None takes what `samples` tells by its attribute of that name,
    if any. mIoU covers samples with labels of the predictor's classes, or of coarser ones that
    these are folded into, ranking those with outlier truth. Raises OpenSetError where no sample
    has any truth.
    """
    measures = MeasureSettings((), area_edges=tuple(area_edges), replicates=0)
    classes = compare_classes(classes_of(predictor), taxonomy or taxonomy_of(samples))
    settings = replace(measure_settings(predictor, scores, measures), taxonomy=classes.taxonomy)
    measurement = Measurement(settings)
    for sample in samples:
        measurement.add(judge_sample(predictor, sample, scores, folding=classes.folding))
    check_truth(measurement, classes.mismatch)
    return evaluation_of(measurement, predictor, classes.mismatch or classes.note)


def measure_settings(
    predictor: Predictor, scores: Sequence[str], measures: MeasureSettings
) -> MeasureSettings:
    """Return `measures` for a predictor's scores, classes and decision."""
    return replace(
        measures,
        scores=tuple(scores),
        taxonomy=classes_of(predictor),
        decision=Decision(predictor.fusion, predictor.threshold, predictor.temperature()),
    )


def frames_of_samples(
    predictor: Predictor,
    samples: Sequence[Sample],
    scores: Sequence[str],
    source: str,
    folding: np.ndarray | None = None,
) -> OpenFrames:
    """Return how to run a predictor on a data set; folding: as in `judge_sample`."""

    def frames(start: int, faults: Faults) -> Iterator[JudgedFrame]:
        for index in range(start, len(samples)):
            watch = StopWatch()
            with watch.measure("read"):
                sample = samples[index]
            with naming(sample.name, source):
                judged = judge_sample(
                    predictor, sample, scores, source, watch=watch, folding=folding
                )
            yield judged

    return frames


@contextmanager
def naming(sample: str, source: str) -> Iterator[None]:
    """Let an OpenSetError of the block name the sample that it is about."""
    try:
        yield
    except OpenSetError as error:
        raise OpenSetError(f"{source}, frame {sample}: {error}") from None


def evaluation_of(measurement: Measurement, predictor: Predictor, note: str = "") -> Evaluation:
    """Return the main figures of what was measured of a predictor."""
    totals, taxonomy = measurement.totals, measurement.settings.taxonomy
    confusion = measurement.closed_set.confusion if totals.labelled_frames else None
    scores = measurement.scores if totals.ranked_frames else {}
    return Evaluation(
        model=predictor.name,
        protocol=protocol(measurement, "network", predictor.resolution, note),
        frames=totals.frames,
        mean_iou=None if confusion is None else confusion.mean_iou(),
        class_iou=None
        if confusion is None
        else dict(zip(taxonomy.names, confusion.iou().tolist(), strict=True)),
        ranking={name: counted.ranking.measures() for name, counted in scores.items()},
        best_f1_thresholds={n: c.ranking.best_f1_threshold() for n, c in scores.items()},
        by_area={
            name: counted.by_area.measures()
            for name, counted in scores.items()
            if counted.by_area is not None
        },
    )


def classes_of(predictor: Predictor) -> Taxonomy | None:
    """Return a predictor's classes; None where it tells none apart."""
    return predictor.taxonomy if predictor.gives_classes else None


def taxonomy_of(samples: object) -> Taxonomy | None:
    """Return the classes of a data set's labels, None where it does not tell them."""
    return getattr(samples, "taxonomy", None)


def check_truth(measurement: Measurement, mismatch: str = "") -> None:
    """Raise OpenSetError where no frame had any truth that could be used."""
    totals, settings = measurement.totals, measurement.settings
    if not totals.labelled_frames and not totals.ranked_frames:
        usable = "outlier truth" if settings.taxonomy is None else "labels or outlier truth"
        raise OpenSetError(
            f"no sample has {usable}: nothing can be measured"
            + (mismatch and f"; {mismatch}; choose a model of the truth's classes")
        )
