"""Evaluate a model live: its bag is played over DDS through the real node, and the answers judged.

Play, record, judge: what the node publishes is recorded into a bag, and that bag is evaluated as
any recorded outputs are. No ROS is imported before it is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ldn_openset_ros.bags.discovery import FrameTopics, find_topics
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.topics import (
    CAMERA_INFO_TOPIC,
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TYPE,
    NODE_LABELS_TOPIC,
    NODE_LEGEND_TOPIC,
    NODE_OPEN_SET_TOPIC,
    NODE_OUTLIER_PROBABILITY_TOPIC,
)
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bag_job import (
    BagJob,
    check_outlier_truth,
    plan_recorded,
    with_progress,
)
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.results_folder import (
    TIMING_FILE,
    ResultsFolder,
    refuse_results,
    write_whole,
)
from ldn_openset_ros.evaluation.run import run
from ldn_openset_ros.evaluation.summary import (
    RunSummary,
    TimingSummary,
    read_summary,
    to_json,
)
from ldn_openset_ros.inference.model_files import find_model, read_description
from ldn_openset_ros.ros.live_run import (
    INPUTS,
    LiveRun,
    copy_answered,
    describe,
    images_until,
    live_frames,
    live_timing,
    read_images,
)
from ldn_openset_ros.ros.processes import isolated_environment
from ldn_openset_ros.taxonomy import Taxonomy

LIVE_BAG = "live_bag"
LOGS = "logs"
OUTPUTS = {
    "outlier_probability": NODE_OUTLIER_PROBABILITY_TOPIC,
    "open_set": NODE_OPEN_SET_TOPIC,
    "labels": NODE_LABELS_TOPIC,
    "legend": NODE_LEGEND_TOPIC,
}
"""By field of FrameTopics."""


def evaluate_live(job: BagJob, rate: float) -> RunSummary:
    """Play a bag at a rate through the real node, judge what it publishes, write the results.

    job: its model must be given; scores do not count, for a node publishes one alone, and
    `output_bag` is where the recording of the answered frames is kept. rate: factor of the
    recorded pace, 0.01 to 100.

    In timing.json, `sent` and `received` count images and answers with all outputs; the stages are
    those that the node reports, median of its windows of 5 s, and `end_to_end`: from the arrival
    of an image at a subscriber beside the node to that of the last of its outputs. Images without
    an answer are faults of the kind `not_answered`, and not measured.

    Raises OpenSetError for existing results, before anything is started; where ROS is missing;
    where a process fails, with its last error; where nothing was answered. Ctrl-C stops the
    replay, and what was played until then is evaluated.
    """
    started = time.monotonic()
    refuse_results(job.output)
    environment = isolated_environment(os.environ, os.getpid())
    # Middleware and children must agree, and the middleware reads it in this process too.
    os.environ.update(environment)
    bag = job.output / LIVE_BAG if job.output_bag is None else job.output_bag
    live = _record(job, rate, bag, environment)
    try:
        summary = _judge(live, bag)
    finally:
        if job.output_bag is None:
            shutil.rmtree(bag, ignore_errors=True)
    path = job.output / TIMING_FILE
    timing = live_timing(live, read_summary(TimingSummary, path), time.monotonic() - started)
    write_whole(path, to_json(timing).encode())
    return summary


def node_parameters(model: ModelChoice, compressed: bool) -> dict[str, Any]:
    """Return the parameters with which the node runs a model; absent ones are the model's own."""
    given = {
        "model": model.model,
        "device": model.device,
        "backend": model.backend,
        "precision": model.precision,
        "fusion": model.fusion,
        "threshold": model.threshold,
        "resolution": model.resolution,
        "image_transport": "compressed" if compressed else "raw",
        "allow_multi_pass": True,
    }
    return {name: value for name, value in given.items() if value is not None}


def _record(job: BagJob, rate: float, bag: Path, environment: dict[str, str]) -> LiveRun:
    try:
        from ldn_openset_ros.ros.live_replay import ReplaySettings, replay
    except ImportError as error:
        raise OpenSetError(
            f"--live needs ROS 2 ({error}): run `pip install 'ldn_openset_ros[ros]'`, source your "
            "ROS installation, or leave --live out"
        ) from None
    with BagReader(job.bag) as reader:
        topics = find_topics(reader, outputs=False, **job.topics)
        if topics.image is None:
            raise OpenSetError(f"{job.bag} has no topic of images to play: name it by --image")
        images = read_images(reader, topics.image)
        if not images:
            raise OpenSetError(f"{job.bag} has no readable image on {topics.image} to play")
        times = {image.stamp_ns: image.time_ns for image in images}
        compressed = reader.topics[topics.image].type == COMPRESSED_IMAGE_TYPE
        played = [name for name in (topics.image, CAMERA_INFO_TOPIC) if name in reader.topics]
        settings = ReplaySettings(
            node=node_parameters(job.model, compressed),
            player={"bag": str(job.bag), "rate": float(rate), "topics": played},
            image_topic=topics.image,
            compressed=compressed,
            images=len(images),
            logs=_make_folder(job.output / LOGS),
            environment=environment,
            progress=job.progress,
        )
        with BagWriter(bag) as writer:

            def write(stamp_ns: int, outputs: dict[str, bytes]) -> None:
                # Logged when its image was, so that frames lie together whatever the rate.
                if stamp_ns in times:
                    for topic, data in outputs.items():
                        writer.write_serialized(topic, IMAGE_TYPE, times[stamp_ns], data)

            replayed = replay(settings, write)
            answered = replayed.answers.counts.keys()
            if not answered & times.keys():
                raise OpenSetError(
                    f"the node answered none of the {len(images)} images of {job.bag}: see its "
                    f"log in {settings.logs}"
                )
            writer.write_legend(json.dumps(replayed.legend), reader.start_ns)
            copy_answered(reader, topics, times.keys() - answered, writer)
        heard = replayed.answers.heard
        sent = images_until(images, heard) if replayed.interrupted else images
        return LiveRun(job, topics, rate, images, sent, replayed, reader.damage)


def _judge(live: LiveRun, bag: Path) -> RunSummary:
    job, topics = live.job, live.topics
    with BagReader(bag) as reader:
        names = {name: getattr(topics, name) for name in INPUTS} | OUTPUTS
        held = {name: topic for name, topic in names.items() if topic in reader.topics}
        topics = FrameTopics(**held, outlier_value=job.outlier_value)
        plan = plan_recorded(replace(job, bag=bag, threshold=None), reader, topics)
        taxonomy = Taxonomy.from_dict(read_description(find_model(job.model.model)).taxonomy)
        settings = replace(plan.settings, taxonomy=taxonomy)
        description = describe(live, replace(plan, settings=settings))
        frames = with_progress(live_frames(live, plan.open_frames), job, len(live.sent))
        with ResultsFolder(job.output, description.configuration) as folder:
            check = partial(check_outlier_truth, job)
            return run(frames, settings, description, folder, check=check)


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpenSetError(f"cannot write to {folder}: {error.strerror}") from None
    return folder
