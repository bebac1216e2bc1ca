"""Frames of a bag, judged by a model or by what a node had published when it was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ldn_openset_ros.bags.discovery import FrameTopics
from ldn_openset_ros.bags.faults import Fault, Faults
from ldn_openset_ros.bags.frames import BagFrame, decode_group, groups
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.data.folder import values_outside
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame, StopWatch, judge_sample
from ldn_openset_ros.evaluation.measurement import Decision
from ldn_openset_ros.evaluation.run import INVALID, OpenFrames
from ldn_openset_ros.inference.predictor import Prediction, Predictor
from ldn_openset_ros.metrics.ranking import log_odds_of
from ldn_openset_ros.taxonomy import IGNORE_INDEX

RECORDED = "recorded"
"""Name of the score of which a bag holds the published probability."""


def frames_by_model(
    reader: BagReader,
    topics: FrameTopics,
    predictor: Predictor,
    scores: Sequence[str],
    source: str,
) -> OpenFrames:
    """Return how to run a predictor on a bag's images; `source` is the name of the bag."""

    def judge(frame: BagFrame, watch: StopWatch) -> JudgedFrame:
        name = stamp_text(frame.stamp_ns)
        sample = Sample(name, frame.rgb, frame.label_truth, frame.outlier_truth)
        judged = judge_sample(
            predictor, sample, scores, source, frame.stamp_ns, frame.frame_id, watch
        )
        return replace(judged, time_ns=frame.time_ns)

    classes = predictor.taxonomy.num_classes if predictor.gives_classes else None
    return _opener(reader, topics, judge, classes)


def frames_as_recorded(
    reader: BagReader,
    topics: FrameTopics,
    decision: Decision | None,
    outlier_id: int | None,
    source: str,
    decide_again: bool = False,
) -> OpenFrames:
    """Return how to judge the outputs that a bag holds.

    outlier_id: the id of outliers in open-set maps. Without it, or without such maps, the
    decision's threshold on the recorded probability says what is an outlier. source: the name of
    the bag. decide_again: it always does, and open-set maps are made anew from it and the recorded
    labels.
    """

    def judge(frame: BagFrame, watch: StopWatch) -> JudgedFrame:
        probability = frame.outlier_probability
        with watch.measure("score"):
            log_odds = {} if probability is None else {RECORDED: log_odds_of(probability)}
            called, open_set = None, None if decide_again else frame.open_set
            if open_set is not None and outlier_id is not None:
                called = open_set == outlier_id
            elif probability is not None and decision is not None:
                called = probability >= np.float32(decision.threshold)
                if decide_again and frame.labels is not None and outlier_id is not None:
                    open_set = np.where(called, np.uint8(outlier_id), frame.labels)
        return JudgedFrame(
            name=stamp_text(frame.stamp_ns),
            source=source,
            prediction=Prediction(frame.labels, probability, open_set),
            log_odds=log_odds,
            size=frame_size(frame),
            called=called,
            rgb=frame.rgb,
            outlier_truth=frame.outlier_truth,
            label_truth=frame.label_truth,
            stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id,
            time_ns=frame.time_ns,
            seconds=watch.seconds,
        )

    return _opener(reader, topics, judge, outlier_id)


def stamp_text(stamp_ns: int) -> str:
    """Return a stamp in seconds, with all its nanoseconds."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return f"{seconds}.{nanoseconds:09d}"


def bag_name(path: Path) -> str:
    """Return what a bag is called: its folder's name, or its file's without the ending."""
    path = path.resolve() if path.name in ("", "..") else path
    return path.stem if path.is_file() else path.name


def frame_size(frame: BagFrame) -> tuple[int, int]:
    """Return the (height, width) that all maps of a frame have."""
    return next(map_.shape[:2] for map_ in _maps(frame) if map_ is not None)


def _maps(frame: BagFrame) -> tuple[np.ndarray | None, ...]:
    return (frame.rgb, frame.outlier_probability, frame.open_set, frame.labels)


def _opener(
    reader: BagReader,
    topics: FrameTopics,
    judge: Callable[[BagFrame, StopWatch], JudgedFrame],
    num_classes: int | None,
) -> OpenFrames:
    def frames(start: int, faults: Faults) -> Iterator[JudgedFrame | None]:
        found = groups(reader, topics, faults)
        position = 0
        while True:
            # What is skipped was counted with its faults before the evaluation was interrupted.
            faults.muted = position < start
            watch = StopWatch()
            with watch.measure("read"):
                group = next(found, None)
            if group is None:
                return
            position += 1
            if position <= start:
                continue
            with watch.measure("decode"):
                frame = decode_group(reader, group, topics, faults)
            # Without an image, a frame may have lost its only output to a damaged message.
            if frame is None or all(map_ is None for map_ in _maps(frame)):
                yield None
                continue
            frame = _without_foreign_labels(frame, topics.label_truth, num_classes, faults)
            yield _judged(frame, watch, judge, faults)

    return frames


def _without_foreign_labels(
    frame: BagFrame, topic: str | None, num_classes: int | None, faults: Faults
) -> BagFrame:
    """Leave out truth of labels that holds ids of other classes; the rest still counts."""
    if frame.label_truth is None or num_classes is None:
        return frame
    foreign = values_outside(frame.label_truth, (*range(num_classes), IGNORE_INDEX))
    if not foreign:
        return frame
    reason = f"it holds the id {foreign[0]}, which is none of the {num_classes} classes"
    faults.add(Fault(INVALID, topic, frame.stamp_ns, reason))
    return replace(frame, label_truth=None)


def _judged(
    frame: BagFrame,
    watch: StopWatch,
    judge: Callable[[BagFrame, StopWatch], JudgedFrame],
    faults: Faults,
) -> JudgedFrame | None:
    try:
        return judge(frame, watch)
    except OpenSetError as error:
        faults.add(Fault(INVALID, None, frame.stamp_ns, str(error)))
        return None
