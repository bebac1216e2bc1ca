"""From a decoded frame to the maps that are asked for, each stage timed. No ROS here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.diagnostics import Stopwatch
from ldn_openset_ros.ros.parameters import NodeSettings


@dataclass(frozen=True)
class Output:
    """A published map: its image encoding and the predictor's output that it is made of."""

    encoding: str
    source: str


OUTPUTS = {
    "labels": Output("mono8", "labels"),
    "outlier_probability": Output("32FC1", "outlier"),
    "open_set": Output("mono8", "open_set"),
    "overlay": Output("rgb8", "open_set"),
}
"""By topic, below the node's name."""


def recognise(
    predictor: Predictor,
    rgb: np.ndarray,
    settings: NodeSettings,
    wanted: Collection[str],
    stopwatch: Stopwatch,
) -> dict[str, np.ndarray]:
    """Return the `wanted` maps of OUTPUTS for a frame, uint8 (H, W, 3), and nothing else."""
    batch = predictor.preprocess(rgb)
    stopwatch.lap("pre_process")
    logits = predictor.forward(batch, rgb.shape[:2])
    stopwatch.lap("network")
    prediction = predictor.decide(
        logits,
        settings.fusion,
        settings.threshold,
        settings.smoothing,
        {OUTPUTS[name].source for name in wanted},
    )
    maps = {name: getattr(prediction, OUTPUTS[name].source) for name in wanted}
    if "overlay" in maps:
        maps["overlay"] = blend_overlay(
            rgb, prediction.open_set, predictor.taxonomy, settings.overlay_opacity
        )
    stopwatch.lap("score")
    return maps
