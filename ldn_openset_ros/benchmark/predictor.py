"""The Predictor alone, stage by stage."""

from __future__ import annotations

import numpy as np

from ldn_openset_ros.benchmark.timings import timed
from ldn_openset_ros.inference.predictor import Predictor

TOTAL = "total"


def time_predictor(predictor: Predictor, rgb: np.ndarray) -> dict[str, float]:
    """Return the seconds of each stage, and of their `total`, on a picture, uint8 (H, W, 3)."""
    pixels, pre_process = timed(predictor.preprocess, rgb)
    (logits,), network = timed(predictor.infer_pixels, pixels[None], rgb.shape[:2])
    _, score = timed(predictor.decide, logits)
    return {
        "pre_process": pre_process,
        "network": network,
        "score": score,
        TOTAL: pre_process + network + score,
    }
