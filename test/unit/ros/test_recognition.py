from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.diagnostics import Stopwatch
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.parameters import NodeSettings
from ldn_openset_ros.ros.recognition import OUTPUTS, recognise

SETTINGS = NodeSettings(
    resolution=0, fusion="msm", threshold=0.8, smoothing=1.5, overlay_opacity=0.3
)


@pytest.fixture(scope="module")
def predictor(tiny_model):
    return Predictor.load(tiny_model, device="cpu")


@pytest.fixture
def rgb():
    return np.random.default_rng(1).integers(0, 256, (40, 56, 3)).astype(np.uint8)


def test_maps_are_the_predictors(predictor, rgb):
    maps = recognise(predictor, rgb, SETTINGS, list(OUTPUTS), Stopwatch())
    expected = predictor.decide(predictor.infer(rgb), "msm", 0.8, 1.5)
    np.testing.assert_array_equal(maps["labels"], expected.labels)
    np.testing.assert_array_equal(maps["outlier_probability"], expected.outlier)
    np.testing.assert_array_equal(maps["open_set"], expected.open_set)
    overlay = blend_overlay(rgb, expected.open_set, predictor.taxonomy, 0.3)
    np.testing.assert_array_equal(maps["overlay"], overlay)
    assert 0 < (expected.open_set == predictor.taxonomy.outlier_id).mean() < 1


@pytest.mark.parametrize("name", OUTPUTS)
def test_only_what_is_wanted_is_made(predictor, rgb, name):
    stopwatch = Stopwatch()
    maps = recognise(predictor, rgb, SETTINGS, [name], stopwatch)
    assert list(maps) == [name]
    assert list(stopwatch.seconds) == ["pre_process", "network", "score"]
    assert image_message(type("Image", (), {}), maps[name], OUTPUTS[name].encoding, None)
