"""From decoded frames to the maps that are asked for. No ROS here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import FrameLogits, Prediction, Predictor
from ldn_openset_ros.ros.diagnostics import Stopwatch
from ldn_openset_ros.ros.parameters import NodeSettings
from ldn_openset_ros.ros.temporal_smoothing import TemporalSmoothing


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


def infer(
    predictor: Predictor,
    frames: Sequence[np.ndarray],
    settings: NodeSettings,
    stopwatches: Sequence[Stopwatch],
) -> list[FrameLogits]:
    """Run the network once on frames of one size, uint8 (H, W, 3) each.

    stopwatches: of the frames; each is given the time of the whole batch.
    """
    pixels = []
    for rgb, stopwatch in zip(frames, stopwatches, strict=True):
        stopwatch.resume()
        pixels.append(predictor.preprocess(rgb))
        stopwatch.lap("pre_process")
    for stopwatch in stopwatches:
        stopwatch.resume()
    size = output_size(frames[0].shape[:2], settings.output_scale)
    logits = predictor.infer_pixels(np.stack(pixels), size)
    for stopwatch in stopwatches:
        stopwatch.lap("network")
    return logits


def make_maps(
    predictor: Predictor,
    logits: FrameLogits,
    rgb: np.ndarray,
    settings: NodeSettings,
    wanted: Collection[str],
    smoothing: TemporalSmoothing | None = None,
    stamp_ns: int = 0,
) -> dict[str, np.ndarray]:
    """Return the `wanted` of OUTPUTS by name for a frame, uint8 (H, W, 3).

    smoothing: of the camera, over its frames; stamp_ns: of this one, nanoseconds.
    """
    sources = {OUTPUTS[name].source for name in wanted}
    if smoothing and sources != {"labels"}:
        sources |= {"labels", "outlier"}
    prediction = predictor.decide(
        logits,
        settings.fusion,
        settings.threshold,
        settings.smoothing,
        sources,
    )
    if smoothing and prediction.outlier is not None:
        threshold = predictor.resolve_threshold(settings.threshold, settings.fusion)
        outlier_id = predictor.taxonomy.outlier_id
        prediction = smoothed(prediction, smoothing, stamp_ns, threshold, outlier_id)
    maps = {
        name: getattr(prediction, OUTPUTS[name].source) for name in wanted if name != "overlay"
    }
    if "overlay" in wanted:
        height, width = logits.size
        if rgb.shape[:2] != logits.size:
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        taxonomy, opacity = predictor.taxonomy, settings.overlay_opacity
        maps["overlay"] = blend_overlay(rgb, prediction.open_set, taxonomy, opacity)
    return maps


def output_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return the (height, width) of the maps of a frame of `size`."""
    height, width = size
    return max(1, round(height * scale)), max(1, round(width * scale))


def smoothed(
    prediction: Prediction,
    smoothing: TemporalSmoothing,
    stamp_ns: int,
    threshold: float,
    outlier_id: int,
) -> Prediction:
    """Return a prediction whose outlier map, and with it the open-set map, knows the past."""
    outlier = smoothing.update(prediction.outlier, stamp_ns)
    called = outlier >= np.float32(threshold)
    open_set = np.where(called, np.uint8(outlier_id), prediction.labels)
    return replace(prediction, outlier=outlier, open_set=open_set)
