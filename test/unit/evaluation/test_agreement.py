from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.evaluation.agreement import largest_difference
from ldn_openset_ros.nn.heads import HeadLogits


class Shifted:
    """A backend whose outlier logits are off by 0.5 in one pixel of one frame."""

    name, device, precision = "shifted", "cpu", "float32"

    def __init__(self, backend) -> None:
        self._backend, self._calls = backend, 0

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        logits = self._backend.infer(pixels)
        self._calls += 1
        if self._calls == 2:
            outlier = logits.outlier.clone()
            outlier[0, 1, 3, 5] += 0.5
            logits = logits._replace(outlier=outlier)
        return logits


def test_the_largest_difference_of_all_frames_counts(tiny_model):
    predictor = Predictor.load(tiny_model, device="cpu", backend="torch")
    other = Predictor(Shifted(predictor._backend), predictor._description)
    frames = [np.full((48, 64, 3), value, np.uint8) for value in (30, 90, 150)]
    same = largest_difference(predictor, predictor, frames)
    assert (same.frames, same.logits, same.probability, same.labels) == (3, 0.0, 0.0, 0.0)
    found = largest_difference(predictor, other, frames)
    assert found.logits == pytest.approx(0.5, abs=1e-5)
    assert 0.01 < found.probability < 0.125  # a sigmoid's slope is at most 1/4


def test_the_share_of_other_labels_is_of_all_pixels(tiny_model):
    predictor = Predictor.load(tiny_model, device="cpu", backend="torch")

    class Favoured:
        """A backend that prefers class 3, by far, in the left half of the second frame."""

        name, device, precision = "favoured", "cpu", "float32"
        calls = 0

        def infer(self, pixels: np.ndarray) -> HeadLogits:
            logits = predictor._backend.infer(pixels)
            self.calls += 1
            if self.calls == 2:
                segmentation = logits.segmentation.clone()
                segmentation[:, 3, :, : segmentation.shape[-1] // 2] += 1000
                logits = logits._replace(segmentation=segmentation)
            return logits

    frames = [np.full((48, 64, 3), value, np.uint8) for value in (30, 90)]
    found = largest_difference(predictor, Predictor(Favoured(), predictor._description), frames)
    before = predictor(frames[1]).labels
    other = before[:, : before.shape[1] // 2] != 3
    # The column of pixels beside the border lies between both halves.
    assert found.labels == pytest.approx(other.sum() / (2 * before.size), abs=48 * 4 / 6144)
    assert found.labels > 0
