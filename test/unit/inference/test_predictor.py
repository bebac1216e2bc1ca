from __future__ import annotations

import math
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from torch.nn import functional

from ldn_openset_ros import Predictor
from ldn_openset_ros.errors import OpenSetError, OpenSetWarning
from ldn_openset_ros.inference.model_files import (
    read_description,
    read_network,
    with_calibration,
    write_description,
)
from ldn_openset_ros.inference.predictor import network_size
from ldn_openset_ros.score_names import SCORE_NAMES


@pytest.fixture(scope="module")
def predictor(tiny_model) -> Predictor:
    return Predictor.load(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def calibrated(calibrated_model) -> Predictor:
    return Predictor.load(calibrated_model, device="cpu")


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (75, 121, 3), dtype=np.uint8)


def test_maps_have_the_pictures_size_and_the_promised_types(predictor, rgb):
    result = predictor(rgb)
    assert result.labels.shape == result.outlier.shape == result.open_set.shape == (75, 121)
    assert (result.labels.dtype, result.outlier.dtype, result.open_set.dtype) == (
        np.uint8,
        np.float32,
        np.uint8,
    )
    assert result.labels.max() <= 10
    assert 0 <= result.outlier.min() < result.outlier.max() <= 1


def test_open_set_map_follows_the_fusion_rule(predictor, rgb):
    result = predictor(rgb)
    expected = np.where(result.outlier >= predictor.threshold, 11, result.labels)
    assert np.array_equal(result.open_set, expected)
    assert {True, False} == set(np.unique(result.outlier >= predictor.threshold))


def test_equals_an_independent_computation(tiny_model, predictor, rgb):
    """Normalisation, upsampling to the input and equation 2, with probabilities in float64."""
    network = read_network(tiny_model, read_description(tiny_model))
    with torch.no_grad():
        heads = network((torch.from_numpy(rgb).permute(2, 0, 1)[None] - 127.0) / 128.0).main
    resize = dict(size=rgb.shape[:2], mode="bilinear", align_corners=False)
    classes = functional.interpolate(heads.segmentation.double(), **resize)[0].softmax(0)
    outlier = functional.interpolate(heads.outlier.double(), **resize)[0].softmax(0)[1]
    result = predictor(rgb)
    expected = outlier * (1 - classes.amax(0))
    assert np.abs(result.outlier - expected.numpy()).max() < 1e-5
    assert (result.labels == classes.argmax(0).numpy()).mean() > 0.999


def test_rescoring_does_not_run_the_network_again(predictor, rgb, monkeypatch):
    logits = predictor.infer(rgb)

    def fail(*_):
        raise AssertionError("the network ran")

    monkeypatch.setattr(predictor._backend, "infer", fail)
    shares = [
        (predictor.decide(logits, "op", threshold).open_set == 11).mean()
        for threshold in (0.0, 0.3, 0.6, 1.0)
    ]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[1] > shares[2]
    maps = {name: predictor.decide(logits, name).outlier for name in predictor.usable_scores}
    assert set(maps) == set(SCORE_NAMES) - {"standardised_max_logit"}
    assert len({array.tobytes() for array in maps.values()}) == len(maps)


def test_makes_only_what_is_asked_for(predictor, rgb):
    result = predictor.decide(predictor.infer(rgb), outputs=("outlier",))
    assert result.labels is None
    assert result.open_set is None
    assert result.outlier is not None


def test_smoothing_evens_the_log_odds_and_keeps_their_mean(predictor, rgb):
    logits = predictor.infer(rgb)
    rough = predictor.log_odds(logits, "op")
    smooth = predictor.log_odds(logits, "op", smoothing=2.0)
    assert smooth.std() < rough.std()
    assert smooth.mean() == pytest.approx(rough.mean(), rel=0.02)
    published = predictor.decide(logits, "op", smoothing=2.0).outlier
    assert np.abs(published - 1 / (1 + np.exp(-smooth))).max() < 1e-6


def test_log_odds_are_the_probability_before_the_sigmoid(predictor, rgb):
    logits = predictor.infer(rgb)
    probability = 1 / (1 + np.exp(-predictor.log_odds(logits, "msm").astype(np.float64)))
    assert np.abs(probability - predictor.decide(logits, "msm").outlier).max() < 1e-6


def test_a_calibrated_score_is_published_with_its_temperature(predictor, calibrated, rgb):
    logits = calibrated.infer(rgb)
    raw = calibrated.log_odds(logits).astype(np.float64)
    assert np.array_equal(raw, predictor.log_odds(logits)), "ranking measures take no temperature"
    published = calibrated.decide(logits).outlier
    assert np.abs(published - 1 / (1 + np.exp(-raw / 2.5))).max() < 1e-6
    assert np.abs(published - predictor.decide(logits).outlier).max() > 0.05
    assert (calibrated.temperature(), calibrated.temperature("op")) == (2.5, 1)
    assert np.array_equal(
        calibrated.decide(logits, "op").outlier, predictor.decide(logits, "op").outlier
    )


def test_thresholds_are_of_the_published_probability(calibrated, rgb):
    logits = calibrated.infer(rgb)
    maps = calibrated.decide(logits, threshold="calibrated")
    assert np.array_equal(maps.open_set == 11, maps.outlier >= np.float32(0.39))
    assert 0 < (maps.open_set == 11).mean() < 1
    assert np.array_equal(maps.open_set, calibrated(rgb).open_set), "it is the model's default"
    assert calibrated.threshold == calibrated.resolve_threshold("calibrated") == 0.39
    stricter = calibrated.decide(logits, threshold=0.45).open_set
    assert 0 < (stricter == 11).sum() < (maps.open_set == 11).sum()


def test_loading_with_the_calibrated_threshold(calibrated_model, tiny_model):
    chosen = Predictor.load(calibrated_model, device="cpu", threshold="calibrated")
    assert chosen.threshold == 0.39
    with pytest.raises(OpenSetError, match="no calibration of msm, only of op_x_msm"):
        Predictor.load(calibrated_model, fusion="msm", threshold="calibrated")
    with pytest.raises(OpenSetError, match="model tiny has no calibration of op_x_msm: run"):
        Predictor.load(tiny_model, threshold="calibrated")


def test_another_score_has_no_calibrated_threshold(calibrated, rgb):
    logits = calibrated.infer(rgb)
    with pytest.raises(OpenSetError, match="calibrate MODEL --score msm"):
        calibrated.decide(logits, "msm", "calibrated")


def test_a_score_brings_its_own_threshold(tiny_model, calibrated, tmp_path, rgb):
    """Of the model's own fusion or of its calibration; where there is none it is told."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    own = read_description(folder)
    calibration = replace(calibrated._description.calibration, score="msm")
    write_description(folder, with_calibration(own, calibration))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        msm = Predictor.load(folder, device="cpu", fusion="msm")
        assert msm.threshold == calibration.threshold
        logits = msm.infer(rgb)
        back = msm.decide(logits, own.decision.fusion).open_set
    both = msm.decide(logits, own.decision.fusion, own.decision.threshold).open_set
    np.testing.assert_array_equal(back, both)
    with pytest.warns(OpenSetWarning, match="was not chosen for energy, and model tiny has none"):
        energy = Predictor.load(folder, device="cpu", fusion="energy")
    assert energy.threshold == own.decision.threshold
    with pytest.warns(OpenSetWarning, match="for entropy"):
        energy.decide(logits, "entropy")


def test_resolution_sets_the_networks_input(tiny_model, rgb):
    small = Predictor.load(tiny_model, device="cpu", resolution=40)
    assert small.preprocess(rgb).shape == (40, 65, 3)
    assert small(rgb).labels.shape == (75, 121)


@pytest.mark.parametrize(
    ("size", "resolution", "expected"),
    [
        ((360, 480), 0, (360, 480)),
        ((720, 1280), 360, (360, 640)),
        ((1280, 720), 360, (640, 360)),
        ((20, 400), 0, (32, 640)),
        ((1, 1), 0, (32, 32)),
    ],
)
def test_network_size_keeps_the_shape_and_the_minimum(size, resolution, expected):
    assert network_size(size, resolution) == expected


@pytest.mark.parametrize(("size", "resolution"), [((1, 2048), 360), ((480, 640), 8192)])
def test_inputs_that_would_exhaust_the_memory_are_refused(size, resolution):
    with pytest.raises(OpenSetError, match="lower the resolution or crop"):
        network_size(size, resolution)


def test_tiny_pictures_are_enlarged_for_the_network(predictor):
    assert predictor(np.zeros((5, 9, 3), np.uint8)).labels.shape == (5, 9)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((40, 40, 3), np.float32),
        np.zeros((0, 40, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_picture_are_refused(predictor, array):
    with pytest.raises(OpenSetError, match="a picture"):
        predictor(array)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"device": "cuda:7"}, "choose auto or cpu"),
        ({"device": "tpu"}, "choose auto, cpu or cuda:N"),
        ({"backend": "magic"}, "choose one of auto, torch"),
        ({"precision": "int3"}, "choose one of auto, float32"),
        ({"precision": "float16", "device": "cpu"}, "choose another backend|choose float32"),
        ({"fusion": "sum"}, "choose one of op, msm"),
        ({"fusion": "sum", "threshold": "calibrated"}, "choose one of op, msm"),
        ({"threshold": "high"}, "give a value from 0 to 1 or calibrated"),
        ({"threshold": 1.5}, "give a value from 0 to 1"),
        ({"threshold": math.nan}, "give a value from 0 to 1"),
        ({"resolution": -1}, "give 0 or a size in pixels"),
    ],
)
def test_bad_arguments_name_the_remedy(tiny_model, arguments, remedy):
    with pytest.raises(OpenSetError, match=remedy) as caught:
        Predictor.load(tiny_model, **arguments)
    assert "\n" not in str(caught.value)


def test_missing_model_says_what_to_give(tmp_path):
    with pytest.raises(OpenSetError, match=r"no model .*model\.safetensors"):
        Predictor.load(tmp_path / "none")


def test_truncated_weights_are_named(tiny_model, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(OpenSetError, match=r"cannot read weights .*model\.safetensors"):
        Predictor.load(broken)


def test_a_description_that_does_not_fit_the_weights_is_refused(tiny_model, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    description = yaml.safe_load((broken / "model.yaml").read_text())
    description["network"]["ladder_widths"] = [16, 16, 8]
    (broken / "model.yaml").write_text(yaml.safe_dump(description))
    with pytest.raises(OpenSetError, match="of another shape"):
        Predictor.load(broken)


def test_predictions_repeat(tiny_model, rgb):
    first, second = (Predictor.load(tiny_model, device="cpu")(rgb) for _ in range(2))
    assert np.array_equal(first.open_set, second.open_set)
    assert np.array_equal(first.outlier, second.outlier)
