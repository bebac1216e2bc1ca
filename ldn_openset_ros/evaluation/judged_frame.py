"""A frame, what was made of it, and its truth: what every evaluation measures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.inference.predictor import Prediction, Predictor


@dataclass(frozen=True)
class JudgedFrame:
    """All maps have the frame's size (H, W); what is not known is None.

    name: unique within its `source`, the name of a bag or data set. stamp_ns, frame_id: of the
    header, time_ns: of recording; nanoseconds. rgb: uint8 (H, W, 3). log_odds: float32 by score.
    called: bool, outlier by the decision. outlier_truth: uint8, 0, 1 or 255. label_truth: uint8
    train ids or 255. instance_truth: int32, 0 = none. seconds: by stage.
    """

    name: str
    source: str
    prediction: Prediction
    log_odds: Mapping[str, np.ndarray]
    size: tuple[int, int]
    called: np.ndarray | None = None
    rgb: np.ndarray | None = None
    outlier_truth: np.ndarray | None = None
    label_truth: np.ndarray | None = None
    instance_truth: np.ndarray | None = None
    stamp_ns: int | None = None
    frame_id: str = ""
    time_ns: int | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


class StopWatch:
    """Seconds by stage, each measured as a context."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + elapsed


def judge_sample(
    predictor: Predictor,
    sample: Sample,
    scores: Sequence[str],
    source: str = "",
    stamp_ns: int | None = None,
    frame_id: str = "",
    watch: StopWatch | None = None,
    folding: np.ndarray | None = None,
) -> JudgedFrame:
    """Run a predictor on a sample and keep all that can be measured about it.

    folding: uint8 (256,), the model's ids -> the truth's; None where they are the same.
    """
    watch = watch or StopWatch()
    with watch.measure("network"):
        logits = predictor.infer(sample.rgb)
    with watch.measure("score"):
        judgement = predictor.judge(logits, scores)
    prediction = judgement.prediction
    called = prediction.open_set == predictor.taxonomy.outlier_id
    if folding is not None:
        labels, open_set = (folding[ids] for ids in (prediction.labels, prediction.open_set))
        prediction = replace(prediction, labels=labels, open_set=open_set)
    return JudgedFrame(
        name=sample.name,
        source=source,
        prediction=prediction,
        log_odds=judgement.log_odds,
        size=sample.rgb.shape[:2],
        called=called,
        rgb=sample.rgb,
        outlier_truth=sample.outlier,
        label_truth=sample.labels,
        instance_truth=sample.instances,
        stamp_ns=stamp_ns,
        frame_id=frame_id,
        seconds=watch.seconds,
    )
