"""How far two ways to run a network are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.inference.predictor import Predictor


@dataclass(frozen=True)
class Difference:
    """Largest absolute differences over all pixels of some frames."""

    frames: int
    logits: float
    """At stride 4, of all heads."""
    probability: float
    """Of the published outlier probability, 0 to 1."""
    labels: float
    """Share of the pixels that have another label."""


def largest_difference(
    reference: Predictor, other: Predictor, frames: Sequence[np.ndarray]
) -> Difference:
    """Run frames, uint8 (h, w, 3) RGB in the size of the network's input, through both."""
    logits = probability = 0.0
    others = pixels = 0
    for frame in frames:
        (wanted,), (found,) = (
            predictor.infer_pixels(frame[None], frame.shape[:2])
            for predictor in (reference, other)
        )
        for one, two in zip(wanted.heads, found.heads, strict=True):
            if one is not None:
                logits = max(logits, float((one - two).abs().max()))
        maps = [
            predictor.decide(frame_logits, outputs=("outlier", "labels"))
            for predictor, frame_logits in ((reference, wanted), (other, found))
        ]
        probability = max(probability, float(np.abs(maps[0].outlier - maps[1].outlier).max()))
        others += int(np.count_nonzero(maps[0].labels != maps[1].labels))
        pixels += maps[0].labels.size
    return Difference(len(frames), logits, probability, others / pixels)
