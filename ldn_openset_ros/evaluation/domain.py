"""Measure between which values the figures of a model's ordinary frames lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import naming
from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.inference.predictor import Predictor

TAIL = 0.005
"""Share of the ordinary frames that each end of a range leaves out."""
MARGIN = 1.0
"""What is added to both ends, in widths of the range: frames of a few drives vary less than the
domain does."""
MIN_MARGIN = 0.01
"""At least that much is added: a single object in view is no other domain."""
MIN_FRAMES = 10
DIGITS = 4


def measure_domain(predictor: Predictor, samples: Iterable[Sample], data: str) -> Domain:
    """Return the ranges of `Predictor.frame_figures` over ordinary frames.

    Fusion, threshold and resolution are the predictor's. data: name of the frames, for people.
    There must be enough of them, as `check_frames` tells before the work.
    """
    figures = defaultdict(list)
    frames = 0
    for sample in samples:
        frames += 1
        with naming(sample.name, data):
            found = predictor.frame_figures(predictor.infer(sample.rgb))
        for name, value in found.items():
            figures[name].append(value)
    return Domain(
        ranges={name: ordinary_range(values) for name, values in figures.items()},
        fusion=predictor.fusion,
        threshold=predictor.threshold,
        data=data,
        resolution=predictor.resolution,
        frames=frames,
    )


def check_frames(frames: int, data: str) -> None:
    """Raise OpenSetError for fewer than MIN_FRAMES frames. data: their name, for people."""
    if frames < MIN_FRAMES:
        raise OpenSetError(
            f"{data} has {frames} frames: give at least {MIN_FRAMES} ordinary frames of the "
            "model's domain"
        )


def ordinary_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the range, within 0 to 1, that ordinary values are said to lie in."""
    low, high = np.quantile(values, (TAIL, 1 - TAIL))
    margin = max(MARGIN * (high - low), MIN_MARGIN)
    return round(float(max(low - margin, 0)), DIGITS), round(float(min(high + margin, 1)), DIGITS)
