"""Stages of a frame's way through the Predictor."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.benchmark.stages import camera_frame, compare_stages, time_stages
from ldn_openset_ros.ros.images import decode_compressed, decode_image

STAGES = [
    "decode_jpeg",
    "decode_raw",
    "pre_process",
    "network",
    "score_and_labels",
    "decision",
    "overlay",
]


def test_a_camera_sends_the_frame_raw_and_as_jpeg():
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:, :32] = (200, 40, 90)
    frame = camera_frame(rgb)
    np.testing.assert_array_equal(decode_image(frame.raw), rgb)
    # JPEG halves the colour's resolution: away from the edge it is exact to a few units.
    decoded = decode_compressed(frame.jpeg).astype(int)
    assert np.abs(decoded[:, :16] - (200, 40, 90)).max() <= 4


def test_stages_add_up_to_the_total_of_a_raw_frame(tiny_model):
    predictor = Predictor.load(tiny_model, device="cpu", backend="torch")
    seconds = time_stages(predictor, camera_frame(np.zeros((48, 64, 3), np.uint8)))
    total = seconds.pop("total")
    assert list(seconds) == STAGES
    assert total == pytest.approx(sum(seconds.values()) - seconds["decode_jpeg"])


def test_predictors_side_by_side(tiny_model):
    predictors = {
        name: Predictor.load(tiny_model, device="cpu", backend="torch", resolution=resolution)
        for name, resolution in (("full", 0), ("half", 32))
    }
    frames = list(np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8))
    figures = compare_stages(predictors, frames)
    assert (figures.width, figures.height, figures.frames) == (96, 64, 3)
    assert list(figures.stages) == ["full", "half"]
    for stages in figures.stages.values():
        assert list(stages) == [*STAGES, "total"]
        assert stages["total"].p95_ms >= stages["total"].p50_ms > 0
