"""Measure a model over a data set: all figures, with results on the disk where they are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ldn_openset_ros import __version__
from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.evaluation.evaluate import (
    check_truth,
    classes_of,
    frames_of_samples,
    measure_settings,
    taxonomy_of,
)
from ldn_openset_ros.evaluation.measurement import Measurement, MeasureSettings
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.results_folder import ResultsFolder
from ldn_openset_ros.evaluation.run import OpenFrames, run
from ldn_openset_ros.evaluation.summarise import (
    Extras,
    RunDescription,
    summarise,
    temperature_of,
)
from ldn_openset_ros.evaluation.summary import ComponentSummary, RunSummary, known
from ldn_openset_ros.inference.calibration import tempered
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.metrics.components import ComponentMeasures, ComponentScores
from ldn_openset_ros.taxonomy_mapping import compare_classes


@dataclass(frozen=True)
class DatasetRun:
    """What to measure, and where to.

    dataset, split, root, outlier_value: how it was opened, for the configuration. measures:
    scores, taxonomy and decision in it do not count. track: of component measures, which take a
    second pass; None = none. output: results folder; None = nothing is written. resume: take up an
    interrupted evaluation.
    """

    dataset: str
    split: str | None
    model: ModelChoice
    measures: MeasureSettings = field(default_factory=MeasureSettings)
    track: str | None = None
    root: str = ""
    outlier_value: int | None = None
    output: Path | None = None
    resume: bool = False


def run_dataset(
    job: DatasetRun,
    predictor: Predictor,
    samples: Sequence[Sample],
    progress: Callable[[OpenFrames, str], OpenFrames] = lambda frames, name: frames,
) -> RunSummary:
    """Evaluate a predictor, which is `job.model` loaded, over samples.

    progress: wraps the frames of each pass, by its name. Raises OpenSetError where no sample has
    truth and where one cannot be read or measured.
    """
    scores = job.model.measured_scores(predictor)
    classes = compare_classes(classes_of(predictor), taxonomy_of(samples))
    rules = f"component figures by the rules of the {job.track} track" if job.track else ""
    settings = measure_settings(predictor, scores, job.measures)
    settings = replace(settings, taxonomy=classes.taxonomy)
    description = RunDescription(
        title=f"{predictor.name} on {job.dataset}",
        method="model",
        origin="network",
        configuration={
            "method": "model",
            "version": __version__,
            "samples": len(samples),
            "dataset": job.dataset,
            "root": job.root,
            "split": job.split,
            "outlier_value": job.outlier_value,
            "track": job.track,
            **job.model.configuration(predictor),
            **settings.protocol_values(),
        },
        sources=(job.dataset,),
        resolution=predictor.resolution,
        note="; ".join(filter(None, (classes.note, rules))),
        class_mismatch=classes.mismatch,
    )
    frames = frames_of_samples(predictor, samples, scores, job.dataset, classes.folding)

    def finish(measurement: Measurement) -> dict[str, ComponentSummary]:
        check_truth(measurement, classes.mismatch)
        if job.track is None or not measurement.totals.ranked_frames:
            return {}
        return measure_components(measurement, progress(frames, "components"), job.track)

    frames_of_first_pass = progress(frames, predictor.name)
    if job.output is None:
        measurement = Measurement(settings)
        for frame in frames_of_first_pass(0, Faults()):
            measurement.add(frame)
        return summarise(measurement, description, Extras(components=finish(measurement)))
    with ResultsFolder(job.output, description.configuration, job.resume) as folder:
        return run(
            frames_of_first_pass, settings, description, folder, tolerant=False, finish=finish
        )


def measure_components(
    measurement: Measurement, open_frames: OpenFrames, track: str
) -> dict[str, ComponentSummary]:
    """Measure components of every score at its threshold of best F1, in a second pass.

    Source: SegmentMeIfYouCan takes that threshold, which is known after all pixels were ranked.
    """
    thresholds = {
        name: counted.ranking.best_f1_threshold() for name, counted in measurement.scores.items()
    }
    components = {
        name: ComponentMeasures(track)
        for name, value in thresholds.items()
        if not math.isnan(value)
    }
    for frame in open_frames(0, Faults()):
        if frame.outlier_truth is not None:
            for name, counted in components.items():
                with np.errstate(divide="ignore"):
                    least = np.log(thresholds[name]) - np.log1p(-thresholds[name])
                counted.add(frame.log_odds[name] >= least, frame.outlier_truth)
    return {
        name: component_summary(
            track,
            tempered(thresholds[name], temperature_of(measurement.settings, name)),
            counted.measures(),
        )
        for name, counted in components.items()
    }


def component_summary(track: str, threshold: float, found: ComponentScores) -> ComponentSummary:
    """Return the component measures of a score as they are told."""
    return ComponentSummary(
        track,
        threshold,
        found.true_components,
        found.predicted_components,
        mean_siou=known(found.mean_siou),
        mean_ppv=known(found.mean_ppv),
        mean_f1=known(found.mean_f1),
    )
