"""A bag that was played to a live node: which images it answered, and what the figures are of.

No ROS here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ldn_openset_ros.bags.discovery import FrameTopics
from ldn_openset_ros.bags.faults import DAMAGED_BAG, NOT_ANSWERED, Fault, Faults
from ldn_openset_ros.bags.frames import read_stamp
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.evaluation.bag_frames import bag_name
from ldn_openset_ros.evaluation.bag_job import BagJob, BagPlan
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.model_choice import model_hash
from ldn_openset_ros.evaluation.run import OpenFrames
from ldn_openset_ros.evaluation.summarise import RunDescription
from ldn_openset_ros.evaluation.summary import StageTime, TimingSummary
from ldn_openset_ros.ros.diagnostics import STAGES
from ldn_openset_ros.ros.latency import END_TO_END, NODE_TOTAL, latency_of_stage
from ldn_openset_ros.ros.live_answers import Answers

METHOD = "live"
INPUTS = ("image", "outlier_truth", "label_truth")
"""Fields of FrameTopics that are played, or copied."""

REASON = "the node did not answer it: it was busy and took a later one, or could not decode it"


@dataclass(frozen=True)
class Replay:
    """What came of playing.

    answers: of the node. diagnostics: values of its reports. legend: its latest. interrupted: by
    Ctrl-C, before all was played and answered.
    """

    answers: Answers
    diagnostics: list[dict[str, str]]
    legend: dict
    interrupted: bool


@dataclass(frozen=True)
class PlayedImage:
    """An image of a bag: stamp and time of recording, nanoseconds."""

    stamp_ns: int
    time_ns: int


@dataclass(frozen=True)
class LiveRun:
    """A bag that was played, and what came of it.

    topics: of the bag's images and truth. rate: factor of the recorded pace. images: all that the
    bag has, in the order of playing; sent: those that were played. damage: of the bag.
    """

    job: BagJob
    topics: FrameTopics
    rate: float
    images: tuple[PlayedImage, ...]
    sent: tuple[PlayedImage, ...]
    replay: Replay
    damage: str | None

    @property
    def received(self) -> int:
        """Images of which all outputs came."""
        stamps = {image.stamp_ns for image in self.images}
        return sum(self.replay.answers.counts[stamp_ns] for stamp_ns in stamps)


def read_images(reader: BagReader, topic: str) -> tuple[PlayedImage, ...]:
    """Return the images of a topic in the order of playing, without those that have no header."""
    found = ((read_stamp(data), time_ns) for _, time_ns, data in reader.raw_messages([topic]))
    return tuple(PlayedImage(*image) for image in found if image[0] is not None)


def images_until(
    images: tuple[PlayedImage, ...], heard: frozenset[int]
) -> tuple[PlayedImage, ...]:
    """Return the images up to the last one whose stamp was heard of."""
    last = max((i for i, image in enumerate(images) if image.stamp_ns in heard), default=-1)
    return images[: last + 1]


def copy_answered(
    reader: BagReader, topics: FrameTopics, unanswered: set[int], writer: BagWriter
) -> None:
    """Copy images and truth as they are, but for stamps of images that were not answered."""
    for topic, time_ns, data in reader.raw_messages([topics.image, *topics.truths]):
        if read_stamp(data) not in unanswered:
            writer.copy(reader, topic, time_ns, data)


def live_frames(live: LiveRun, recorded: OpenFrames) -> OpenFrames:
    """Return recorded frames as those of the bag that was played, with what went wrong live."""

    def frames(start: int, faults: Faults) -> Iterator[JudgedFrame | None]:
        if live.damage is not None:
            faults.add(Fault(DAMAGED_BAG, None, None, live.damage))
        for image in live.sent:
            if image.stamp_ns not in live.replay.answers.counts:
                faults.add(Fault(NOT_ANSWERED, live.topics.image, image.stamp_ns, REASON))
        latencies = live.replay.answers.latencies
        for frame in recorded(start, faults):
            if frame is None:
                yield None
                continue
            latency = latencies.get(frame.stamp_ns)
            seconds = {} if latency is None else {END_TO_END: latency}
            yield replace(frame, source=bag_name(live.job.bag), seconds=seconds)

    return frames


def describe(live: LiveRun, plan: BagPlan) -> RunDescription:
    """Return what the figures of a live run are of."""
    job, legend = live.job, plan.legend
    diagnostics = live.replay.diagnostics[-1] if live.replay.diagnostics else {}
    name = bag_name(job.bag)
    origin = f"played over DDS at {live.rate:g} times the recorded pace"
    if live.replay.interrupted:
        origin += f", interrupted after {len(live.sent)} of {len(live.images)} images"
    origin += f", {live.received} of {len(live.sent)} images answered by the node, network"
    configuration = {
        "method": METHOD,
        "bag": job.bag.name,
        "rate": live.rate,
        "topics": {field: getattr(live.topics, field) for field in INPUTS},
        "model": legend["model"],
        "model_sha256": model_hash(job.model.model),
        **{key: legend[key] for key in ("fusion", "threshold", "temperature", "resolution")},
        "backend": diagnostics.get("backend"),
        "precision": diagnostics.get("precision"),
        **plan.settings.protocol_values(),
    }
    return RunDescription(
        title=f"{legend['model']} live on {name}",
        method=METHOD,
        origin=origin,
        configuration=configuration,
        sources=(name,),
        resolution=legend["resolution"],
    )


def live_timing(live: LiveRun, timing: TimingSummary, seconds: float) -> TimingSummary:
    """Return the times of the node in place of those of the evaluation.

    timing: of the evaluation; its `end_to_end` stays. seconds: of replay and evaluation.
    """
    reports = live.replay.diagnostics
    stages = {stage: latency_of_stage(reports, stage) for stage in (*STAGES, NODE_TOTAL)}
    times = {
        stage: StageTime(None, latency.p50_ms, latency.p95_ms)
        for stage, latency in stages.items()
        if latency is not None
    }
    if END_TO_END in timing.stages:
        times[END_TO_END] = timing.stages[END_TO_END]
    return replace(
        timing,
        seconds=round(seconds, 3),
        stages=times,
        sent=len(live.sent),
        received=live.received,
    )
