"""A frame's way through the Predictor, from a camera's message to the overlay, by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import cv2
import numpy as np

from ldn_openset_ros.benchmark.predictor import TOTAL
from ldn_openset_ros.benchmark.timings import Timing, Timings, timed
from ldn_openset_ros.benchmark.turns import take_turns
from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.images import decode_compressed, decode_image, image_message

JPEG_QUALITY = 90
OVERLAY_OPACITY = 0.5
WARM_UP_FRAMES = 2


@dataclass(frozen=True)
class CameraFrame:
    """The same frame as a camera sends it: raw (rgb8), and as a JPEG file."""

    raw: SimpleNamespace
    jpeg: SimpleNamespace


@dataclass(frozen=True)
class StageFigures:
    """Timings by backend, then by stage (see `time_stages`)."""

    width: int
    height: int
    frames: int
    stages: dict[str, dict[str, Timing]]


def camera_frame(rgb: np.ndarray) -> CameraFrame:
    """Return a picture, uint8 (H, W, 3), as messages of a camera."""
    _, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return CameraFrame(
        image_message(SimpleNamespace, rgb, "rgb8", None),
        SimpleNamespace(format="rgb8; jpeg compressed bgr8", data=jpeg.tobytes()),
    )


def compare_stages(predictors: dict[str, Predictor], frames: Sequence[np.ndarray]) -> StageFigures:
    """Send pictures, uint8 (H, W, 3) of one size, through each predictor in turns."""
    camera_frames = [camera_frame(rgb) for rgb in frames]
    ways = {name: partial(time_stages, predictor) for name, predictor in predictors.items()}
    timings = {name: Timings() for name in predictors}
    for _ in take_turns(ways, camera_frames[:WARM_UP_FRAMES]):
        pass
    for turn in take_turns(ways, camera_frames):
        timings[turn.name].add(turn.result)
    height, width = frames[0].shape[:2]
    stages = {name: found.summary() for name, found in timings.items()}
    return StageFigures(width, height, len(frames), stages)


def time_stages(predictor: Predictor, frame: CameraFrame) -> dict[str, float]:
    """Return the seconds of each stage of a frame's way.

    `decode_jpeg`, `decode_raw`: message to RGB. `pre_process`: resizing. `network`.
    `score_and_labels`: upsampling, score and labels in the frame's size. `decision`: probability
    and open-set map, taken as what `decide` needs beyond the former, so noise may make it
    negative. `overlay`. `total`: of a raw frame, that is of all but `decode_jpeg`.
    """
    _, decode_jpeg = timed(decode_compressed, frame.jpeg)
    rgb, decode_raw = timed(decode_image, frame.raw)
    pixels, pre_process = timed(predictor.preprocess, rgb)
    (logits,), network = timed(predictor.infer_pixels, pixels[None], rgb.shape[:2])
    log_odds_and_labels = partial(predictor.judge, scores=(predictor.fusion,), outputs=("labels",))
    _, score_and_labels = timed(log_odds_and_labels, logits)
    prediction, decide = timed(predictor.decide, logits)
    _, overlay = timed(
        blend_overlay, rgb, prediction.open_set, predictor.taxonomy, OVERLAY_OPACITY
    )
    return {
        "decode_jpeg": decode_jpeg,
        "decode_raw": decode_raw,
        "pre_process": pre_process,
        "network": network,
        "score_and_labels": score_and_labels,
        "decision": decide - score_and_labels,
        "overlay": overlay,
        TOTAL: decode_raw + pre_process + network + decide + overlay,
    }
