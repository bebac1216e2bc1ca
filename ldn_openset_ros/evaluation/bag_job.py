"""The evaluation of one bag: plain values in, a results folder out, fit to be sent to a worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ldn_openset_ros import __version__
from ldn_openset_ros.bags.discovery import FrameTopics, find_topics, read_legend
from ldn_openset_ros.bags.faults import UNUSABLE_BAG, Fault, Faults
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.data.folder import NO_OUTLIER
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bag_frames import (
    RECORDED,
    bag_name,
    frames_as_recorded,
    frames_by_model,
)
from ldn_openset_ros.evaluation.evaluate import measure_settings
from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.measurement import Decision, MeasureSettings
from ldn_openset_ros.evaluation.merge import merge
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.output_bag import OutputBag
from ldn_openset_ros.evaluation.results_folder import (
    FRAMES_FILE,
    SUMMARY_FILE,
    ResultsError,
    ResultsFolder,
    read_lines,
    refuse_results,
)
from ldn_openset_ros.evaluation.run import OpenFrames, run
from ldn_openset_ros.evaluation.summarise import RunDescription
from ldn_openset_ros.evaluation.summary import RunSummary, read_summary
from ldn_openset_ros.evaluation.workers import run_jobs
from ldn_openset_ros.inference.legend import legend as legend_of
from ldn_openset_ros.score_names import check_threshold
from ldn_openset_ros.taxonomy import Taxonomy

PARTS = "bags"
"""Folder of the results of single bags, where there are several."""


@dataclass(frozen=True)
class BagJob:
    """What to do with a bag.

    output: the results folder. model: None judges the outputs that were recorded. topics: given
    ones, by the names of FrameTopics; the others are found. outlier_value: of the outlier truth,
    None takes 1 and refuses a bag whose truth is a mask of 0 and 255. threshold: of recorded
    probabilities, None takes that of the recorded legend. measures: scores, taxonomy and decision
    in it do not count. output_bag: where to write the input with all outputs. resume: take up an
    interrupted evaluation. progress: show a bar. source: what the bag is called, where there are
    several; empty takes its own name.
    """

    bag: Path
    output: Path
    model: ModelChoice | None = None
    topics: dict[str, str] = field(default_factory=dict)
    outlier_value: int | None = None
    threshold: float | None = None
    measures: MeasureSettings = field(default_factory=MeasureSettings)
    output_bag: Path | None = None
    resume: bool = False
    progress: bool = False
    source: str = ""

    @property
    def name(self) -> str:
        """What frames of the bag are told to come from."""
        return self.source or bag_name(self.bag)


@dataclass(frozen=True)
class BagPlan:
    """What a job amounts to, once the bag and the model have been looked at."""

    open_frames: OpenFrames
    settings: MeasureSettings
    description: RunDescription
    legend: dict


@dataclass(frozen=True)
class Judged:
    """How the frames of a bag were judged: what several bags must have in common."""

    settings: MeasureSettings
    origin: str
    resolution: int | None


def evaluate_bag(job: BagJob) -> Judged:
    """Evaluate a bag and write its results; return how it was judged.

    Raises OpenSetError where nothing of the bag can be used, and where the disk refuses; what is
    wrong with single messages is counted and named in the results.
    """
    with BagReader(job.bag) as reader:
        topics = find_topics(reader, outputs=job.model is None, **job.topics)
        topics = replace(topics, outlier_value=job.outlier_value)
        plan = plan_bag(job, reader, topics)
        total = reader.topics[next(iter(topics.anchors))].count
        frames = with_progress(plan.open_frames, job, total)
        with ExitStack() as stack:
            # First the bag: where it is refused, no results folder is begun.
            if job.output_bag is not None:
                bag = OutputBag(job.output_bag, reader, topics, plan.legend)
                frames = stack.enter_context(bag).written(frames)
            configuration = plan.description.configuration
            folder = stack.enter_context(ResultsFolder(job.output, configuration, job.resume))
            # Of several bags, one may have no outlier.
            check = None if job.source else partial(check_outlier_truth, job)
            run(frames, plan.settings, plan.description, folder, check=check)
    return Judged(plan.settings, plan.description.origin, plan.description.resolution)


def evaluate_bags(
    job: BagJob, bags: Sequence[Path], workers: int = 1, ray: str | None = None
) -> RunSummary:
    """Evaluate bags and merge their results in `job.output`; `job.bag` does not count.

    One bag has its results there alone; several have theirs below `bags/` as well, and one of
    them that cannot be used is a fault of the whole, so that the others count. workers, ray: as
    in `run_jobs`. Raises OpenSetError where no bag can be used, and for a results folder that is
    taken or cannot be written, whichever bag it is of.
    """
    # A cluster's workers start elsewhere.
    job = replace(job, output=job.output.absolute())
    if len(bags) == 1:
        run_jobs(evaluate_bag, [replace(job, bag=bags[0].absolute())], workers, ray)
        return read_summary(RunSummary, job.output / SUMMARY_FILE)
    jobs = [
        replace(
            job, bag=bag.absolute(), source=source, output=job.output / PARTS / _folder(n, source)
        )
        for n, (bag, source) in enumerate(zip(bags, unique_names(bags), strict=True))
    ]
    if not job.resume:
        for part in (job, *jobs):
            refuse_results(part.output)
    done = list(zip(jobs, run_jobs(try_bag, jobs, workers, ray), strict=True))
    judged = [(part, found) for part, found in done if isinstance(found, Judged)]
    unusable = [
        Fault(UNUSABLE_BAG, None, None, f"{part.bag}: {found}")
        for part, found in done
        if isinstance(found, str)
    ]
    if not judged:
        raise OpenSetError(f"no bag can be used; the first, {unusable[0].reason}")
    first = judged[0][1]
    for part, found in judged:
        if found.settings != first.settings:
            raise OpenSetError(
                f"{part.bag} was measured with another threshold or other classes than the bags "
                "before: evaluate them one by one and compare them with `ldn-openset report`"
            )
    folders = [part.output for part, _ in judged]
    records = (read_lines(folder / FRAMES_FILE, FrameRecord) for folder in folders)
    check_outlier_truth(job, chain.from_iterable(records), "the bags")
    return merge(folders, first.settings, job.output, first.origin, first.resolution, unusable)


def check_outlier_truth(job: BagJob, frames: Iterable[FrameRecord], what: str = "") -> None:
    """Raise OpenSetError where the truth of all frames is most likely a mask of 0 and 255."""
    ignored = False
    for frame in frames:
        if frame.outliers or job.outlier_value is not None:
            return
        if frame.outliers is not None:
            ignored = ignored or frame.inliers < frame.width * frame.height
    if ignored:
        raise OpenSetError(f"the outlier truth of {what or job.name} {NO_OUTLIER}")


def try_bag(job: BagJob) -> Judged | str:
    """Return what `evaluate_bag` returns, or why the bag cannot be used.

    One thread runs the network, however many bags are evaluated at once: with another number of
    threads its sums differ in their last digits, and so would the results.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return evaluate_bag(job)
    except ResultsError:
        raise
    except OpenSetError as error:
        return str(error)
    finally:
        torch.set_num_threads(threads)


def unique_names(bags: Sequence[Path]) -> list[str]:
    """Return a name of its own for each bag, with its number where names are equal."""
    names = [bag_name(bag) for bag in bags]
    return [
        f"{name} ({number + 1})" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]


def _folder(number: int, source: str) -> str:
    return f"{number:03d}_{source}"


def plan_bag(job: BagJob, reader: BagReader, topics: FrameTopics) -> BagPlan:
    """Return how the frames of a bag are judged and what is measured."""
    if job.model is None:
        return plan_recorded(job, reader, topics)
    predictor = job.model.load()
    scores = job.model.measured_scores(predictor)
    if topics.image is None:
        raise OpenSetError(f"{job.bag} has no topic of images for the model: name it by --image")
    settings = measure_settings(predictor, scores, job.measures)
    configuration = {
        "method": "model",
        **identity(job, reader),
        "topics": _topics(topics, ("image", "outlier_truth", "label_truth")),
        **job.model.configuration(predictor),
        **settings.protocol_values(),
    }
    description = RunDescription(
        title=f"{predictor.name} on {job.name}",
        method="model",
        origin="network",
        configuration=configuration,
        sources=(job.name,),
        resolution=predictor.resolution,
    )
    legend = legend_of(
        predictor.taxonomy,
        model=predictor.name,
        fusion=predictor.fusion,
        threshold=predictor.threshold,
    )
    frames = frames_by_model(reader, topics, predictor, scores, job.name)
    return BagPlan(frames, settings, description, legend)


def plan_recorded(job: BagJob, reader: BagReader, topics: FrameTopics) -> BagPlan:
    """Return how the recorded outputs of a bag are judged."""
    if not any((topics.outlier_probability, topics.open_set, topics.labels)):
        raise OpenSetError(
            f"{job.bag} holds no outputs of a node: name the topic of the outlier probability by "
            "--outliers TOPIC, or run a model over its images by --model"
        )
    if job.threshold is not None:
        check_threshold(job.threshold)
    legend = (read_legend(reader, topics.legend) if topics.legend else None) or {}
    taxonomy = taxonomy_of_legend(legend) if legend else None
    threshold = threshold_of_legend(legend) if job.threshold is None else job.threshold
    decision = None if threshold is None else Decision(RECORDED, threshold)
    settings = replace(job.measures, scores=(RECORDED,), taxonomy=taxonomy, decision=decision)
    configuration = {
        "method": "recorded",
        **identity(job, reader),
        "topics": _topics(topics, tuple(vars(topics))),
        "threshold": threshold,
        **settings.protocol_values(),
    }
    description = RunDescription(
        title=f"outputs recorded in {job.name}",
        method="recorded",
        origin="recorded outputs" + (f" of {legend['model']}" if "model" in legend else ""),
        configuration=configuration,
        sources=(job.name,),
    )
    outlier_id = None if taxonomy is None else taxonomy.outlier_id
    frames = frames_as_recorded(
        reader, topics, decision, outlier_id, job.name, decide_again=job.threshold is not None
    )
    return BagPlan(frames, settings, description, legend)


def identity(job: BagJob, reader: BagReader) -> dict[str, Any]:
    """Return what tells a bag from others, and this version from others, for the configuration."""
    return {
        "version": __version__,
        "bag": job.name,
        "start_ns": reader.start_ns,
        "duration_ns": reader.duration_ns,
        "messages": {name: topic.count for name, topic in reader.topics.items()},
        "outlier_value": job.outlier_value,
    }


def taxonomy_of_legend(legend: dict) -> Taxonomy:
    """Return the classes of a node's legend; raises OpenSetError for a malformed one."""
    try:
        known = [entry for entry in legend["classes"] if entry["id"] < legend["outlier_id"]]
        classes = sorted(known, key=lambda entry: entry["id"])
        ids = [entry["id"] for entry in classes]
        if ids != list(range(len(ids))) or len(ids) != legend["outlier_id"]:
            raise ValueError("its ids are not 0, 1, 2 ... up to that of outliers")
    except (KeyError, TypeError, ValueError) as error:
        raise OpenSetError(
            f"the recorded legend is malformed ({error!r}): leave its topic out of the bag"
        ) from None
    return Taxonomy.from_dict({"name": legend.get("model", "recorded"), "classes": classes})


def threshold_of_legend(legend: dict) -> float | None:
    """Return the threshold that a node's legend tells, None without one.

    Raises OpenSetError for anything but a number from 0 to 1.
    """
    threshold = legend.get("threshold")
    if threshold is None:
        return None
    if type(threshold) not in (int, float) or not 0 <= threshold <= 1:
        raise OpenSetError(
            f"the threshold of the recorded legend is {threshold!r}: give a number from 0 to 1 by "
            "--threshold"
        )
    return float(threshold)


def _topics(topics: FrameTopics, names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: getattr(topics, name) for name in names}


def with_progress(open_frames: OpenFrames, job: BagJob, total: int) -> OpenFrames:
    """Return the same frames, with a bar of `total` where the job wants one."""
    if not job.progress:
        return open_frames

    def frames(start: int, faults: Faults) -> Iterator[JudgedFrame | None]:
        bar = tqdm(desc=job.name, total=total, initial=start, unit="frame", disable=None)
        with bar:
            for frame in open_frames(start, faults):
                bar.update()
                yield frame

    return frames
