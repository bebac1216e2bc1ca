"""The predictor with every recognition module: the same maps from other heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from ldn_openset_ros import Predictor
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import (
    DecisionSettings,
    read_description,
    write_model,
)
from ldn_openset_ros.inference.predictor import choose_recognition
from ldn_openset_ros.nn.layers import upsample
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.registry import (
    MODULES,
    RECOGNITION_NAMES,
    RecognitionSettings,
)
from ldn_openset_ros.scores import ClassStatistics


@pytest.fixture
def model(tiny_model, tmp_path):
    """Return a function that writes a small random model with a recognition module."""

    def write(name: str, dropout: float = 0.2, **decision):
        module = MODULES[name]
        description = read_description(tiny_model)
        network = replace(
            description.network,
            segmentation_head=module.segmentation_head,
            outlier_head=module.outlier_head,
            dropout=dropout,
        )
        torch.manual_seed(3)
        description = replace(
            description,
            name=name,
            network=network,
            recognition=RecognitionSettings(name, passes=3),
            decision=DecisionSettings(fusion=module.default_score, **decision),
        )
        write_model(tmp_path / name, description, OpenSetNetwork(network))
        return tmp_path / name

    return write


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (45, 70, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", RECOGNITION_NAMES)
def test_every_module_gives_all_maps(model, rgb, name):
    predictor = Predictor.load(model(name), device="cpu")
    assert predictor.recognition == name
    assert predictor.single_pass == (name not in ("odin", "mc_dropout"))
    result = predictor(rgb)
    assert result.labels.shape == result.outlier.shape == result.open_set.shape == (45, 70)
    assert np.isfinite(result.outlier).all()
    expected = np.where(result.outlier >= predictor.threshold, 11, result.labels)
    assert np.array_equal(result.open_set, expected)
    labels, scores = predictor.judge(predictor.infer(rgb), predictor.usable_scores)
    assert np.array_equal(labels, result.labels)
    assert set(scores) == set(predictor.usable_scores)


def test_a_single_outlier_head_knows_no_classes(model, rgb):
    predictor = Predictor.load(model("outlier_head"), device="cpu")
    result = predictor(rgb)
    assert not predictor.gives_classes
    assert predictor.usable_scores == ("op",)
    assert set(np.unique(result.labels)) == {255}
    assert set(np.unique(result.open_set)) <= {11, 255}
    with pytest.raises(OpenSetError, match="needs class logits"):
        predictor.decide(predictor.infer(rgb), "msm")


def test_c_plus_one_equals_a_softmax_over_all_its_logits(model, rgb):
    predictor = Predictor.load(model("c_plus_one"), device="cpu")
    logits = predictor.infer(rgb)
    whole = upsample(logits.heads.segmentation, logits.size)[0].double()
    result = predictor.decide(logits)
    assert whole.shape[0] == 12
    assert np.abs(result.outlier - whole.softmax(0)[-1].numpy()).max() < 1e-5
    assert np.array_equal(result.labels, whole[:-1].argmax(0).numpy())


def test_multi_label_equals_its_sigmoids(model, rgb):
    predictor = Predictor.load(model("multi_label"), device="cpu")
    logits = predictor.infer(rgb)
    whole = upsample(logits.heads.segmentation, logits.size)[0].double()
    expected = 1 - whole.sigmoid().amax(0).numpy()
    assert np.abs(predictor.decide(logits).outlier - expected).max() < 1e-5


def test_a_closed_set_network_can_be_asked_in_other_ways(model, rgb):
    folder = model("multi_class")
    plain = Predictor.load(folder, device="cpu")(rgb)
    odin = Predictor.load(folder, device="cpu", recognition="odin")
    dropout = Predictor.load(folder, device="cpu", recognition="mc_dropout")
    assert (odin.fusion, dropout.fusion) == ("msm", "op")
    assert np.abs(odin(rgb).outlier - plain.outlier).max() > 1e-3
    assert np.array_equal(dropout(rgb).outlier, dropout(rgb).outlier)


def test_dropout_must_have_been_trained(model):
    folder = model("multi_class", dropout=0.0)
    with pytest.raises(OpenSetError, match=r"trained without dropout.*network\.dropout above 0"):
        Predictor.load(folder, device="cpu", recognition="mc_dropout")


def test_heads_must_fit_the_recognition_module(model, tiny_model):
    folder = model("multi_class")
    with pytest.raises(OpenSetError, match=r"two_heads needs .*outlier_head true"):
        Predictor.load(folder, device="cpu", recognition="two_heads")
    with pytest.raises(OpenSetError, match="c_plus_one needs segmentation_head classes_and"):
        Predictor.load(tiny_model, device="cpu", recognition="c_plus_one")


def test_a_description_of_the_first_models_is_one_of_two_heads(tiny_model):
    path = tiny_model / "model.yaml"
    values = yaml.safe_load(path.read_text())
    for name in ("recognition", "class_statistics", "calibration"):
        values.pop(name, None)
    for name in ("segmentation_head", "dropout"):
        values["network"].pop(name)
    for name in ("exponent", "smoothing", "boundary_width"):
        values["decision"].pop(name)
    before = path.read_text()
    path.write_text(yaml.safe_dump(values))
    try:
        assert read_description(tiny_model).recognition == RecognitionSettings("two_heads")
    finally:
        path.write_text(before)


def test_a_models_own_exponent_smoothing_and_boundary_width_take_effect(model, rgb):
    maps = [
        Predictor.load(model("two_heads", **decision), device="cpu")(rgb).outlier
        for decision in ({}, {"exponent": 0.5}, {"smoothing": 1.0}, {"boundary_width": 2})
    ]
    assert len({array.tobytes() for array in maps}) == 4
    smooth = Predictor.load(model("two_heads", smoothing=1.0), device="cpu")
    rough = smooth.decide(smooth.infer(rgb), smoothing=0.0).outlier
    assert np.array_equal(rough, maps[0])


def test_another_module_takes_nothing_that_was_measured_on_the_old_ones_logits(model):
    description = read_description(model("multi_class"))
    statistics = ClassStatistics((1.0,) * 11, (1.0,) * 11)
    description = replace(
        description,
        class_statistics=statistics,
        decision=replace(description.decision, threshold=0.3),
    )
    odin = choose_recognition(description, "odin")
    assert (odin.class_statistics, odin.calibration) == (None, None)
    assert odin.decision.threshold == 0.5
    assert choose_recognition(description, None) is description


def test_class_statistics_must_fit_the_taxonomy(model):
    description = read_description(model("multi_class"))
    with pytest.raises(OpenSetError, match="class statistics of 2 classes, not of its 11"):
        replace(description, class_statistics=ClassStatistics((1.0, 1.0), (1.0, 1.0)))
