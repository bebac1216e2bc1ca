from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.diagnostics import Stopwatch
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.parameters import NodeSettings
from ldn_openset_ros.ros.recognition import OUTPUTS, infer, make_maps, output_size
from ldn_openset_ros.ros.temporal_smoothing import TemporalSmoothing

SETTINGS = NodeSettings(
    resolution=0, fusion="msm", threshold=0.8, smoothing=1.5, overlay_opacity=0.3
)


@pytest.fixture(scope="module")
def predictor(tiny_model):
    return Predictor.load(tiny_model, device="cpu")


@pytest.fixture
def rgb():
    return np.random.default_rng(1).integers(0, 256, (40, 56, 3)).astype(np.uint8)


def recognise(predictor, rgb, wanted, smoothing=None, stamp_ns=0, settings=SETTINGS):
    (logits,) = infer(predictor, [rgb], settings, [Stopwatch()])
    return make_maps(predictor, logits, rgb, settings, wanted, smoothing, stamp_ns)


def test_maps_are_the_predictors(predictor, rgb):
    maps = recognise(predictor, rgb, list(OUTPUTS))
    expected = predictor.decide(predictor.infer(rgb), "msm", 0.8, 1.5)
    np.testing.assert_array_equal(maps["labels"], expected.labels)
    np.testing.assert_array_equal(maps["outlier_probability"], expected.outlier)
    np.testing.assert_array_equal(maps["open_set"], expected.open_set)
    overlay = blend_overlay(rgb, expected.open_set, predictor.taxonomy, 0.3)
    np.testing.assert_array_equal(maps["overlay"], overlay)
    assert 0 < (expected.open_set == predictor.taxonomy.outlier_id).mean() < 1


@pytest.mark.parametrize("name", OUTPUTS)
def test_only_what_is_wanted_is_made(predictor, rgb, name):
    maps = recognise(predictor, rgb, [name])
    assert list(maps) == [name]
    assert image_message(type("Image", (), {}), maps[name], OUTPUTS[name].encoding, None)


def test_smoothing_over_frames_moves_outliers_and_the_open_set_together(predictor, rgb):
    smoothing = TemporalSmoothing(0.5)
    first = recognise(predictor, rgb, list(OUTPUTS), smoothing, 1)
    alone = recognise(predictor, rgb, list(OUTPUTS))
    np.testing.assert_array_equal(first["outlier_probability"], alone["outlier_probability"])
    other = np.ascontiguousarray(rgb[::-1])
    second = recognise(predictor, other, list(OUTPUTS), smoothing, 2)
    new = recognise(predictor, other, list(OUTPUTS))
    mean = (alone["outlier_probability"] + new["outlier_probability"]) / 2
    np.testing.assert_allclose(second["outlier_probability"], mean, atol=1e-6)
    called = second["outlier_probability"] >= np.float32(SETTINGS.threshold)
    expected = np.where(called, predictor.taxonomy.outlier_id, new["labels"])
    np.testing.assert_array_equal(second["open_set"], expected)
    np.testing.assert_array_equal(second["labels"], new["labels"])


def test_a_batch_gives_each_frame_its_own_logits_and_its_share_of_time(predictor, rgb):
    frames = [rgb, np.ascontiguousarray(rgb[::-1]), np.ascontiguousarray(rgb[:, ::-1])]
    stopwatches = [Stopwatch() for _ in frames]
    together = infer(predictor, frames, SETTINGS, stopwatches)
    for frame, logits, stopwatch in zip(frames, together, stopwatches, strict=True):
        alone = predictor.infer(frame)
        for ours, theirs in zip(logits.heads, alone.heads, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-4)
        assert logits.size == alone.size == (40, 56)
        assert list(stopwatch.seconds) == ["pre_process", "network"]


def test_maps_of_half_the_size_are_decided_at_that_size(predictor, rgb):
    settings = replace(SETTINGS, output_scale=0.5, smoothing=0.0)
    maps = recognise(predictor, rgb, list(OUTPUTS), settings=settings)
    logits = replace(predictor.infer(rgb), size=(20, 28))
    expected = predictor.decide(logits, "msm", 0.8, 0.0)
    np.testing.assert_array_equal(maps["labels"], expected.labels)
    np.testing.assert_array_equal(maps["outlier_probability"], expected.outlier)
    np.testing.assert_array_equal(maps["open_set"], expected.open_set)
    small = cv2.resize(rgb, (28, 20), interpolation=cv2.INTER_AREA)
    overlay = blend_overlay(small, expected.open_set, predictor.taxonomy, 0.3)
    np.testing.assert_array_equal(maps["overlay"], overlay)


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [((720, 1280), 1.0, (720, 1280)), ((721, 1281), 0.5, (360, 640)), ((3, 90), 0.05, (1, 4))],
)
def test_size_of_the_maps(size, scale, expected):
    assert output_size(size, scale) == expected
