"""The predictor with every recognition module: the same maps from other heads."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from scipy.ndimage import gaussian_filter

from ldn_openset_ros import Predictor
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import read_description, read_network
from ldn_openset_ros.inference.predictor import choose_recognition
from ldn_openset_ros.inference.smoothing import near_boundary, suppress_boundaries
from ldn_openset_ros.nn.layers import upsample
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.scores import ClassStatistics


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (45, 70, 3), dtype=np.uint8)


def network_and_input(folder, rgb) -> tuple[OpenSetNetwork, torch.Tensor]:
    """Return what the predictor works with, made without it."""
    picture = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()
    return read_network(folder, read_description(folder)), (picture - 127) / 128


def softmax(logits: np.ndarray) -> np.ndarray:
    exact = np.exp(logits.astype(np.float64) - logits.max(0))
    return exact / exact.sum(0)


def to_frame(logits: torch.Tensor) -> np.ndarray:
    """Bring logits (1, C, h, w) to the frame's size."""
    return upsample(logits, (45, 70))[0].detach().numpy()


@pytest.mark.parametrize("name", RECOGNITION_NAMES)
def test_every_module_gives_all_maps(small_model, rgb, name):
    predictor = Predictor.load(small_model(name), device="cpu")
    assert predictor.recognition == name
    assert predictor.single_pass == (name not in ("odin", "mc_dropout"))
    result = predictor(rgb)
    assert result.labels.shape == result.outlier.shape == result.open_set.shape == (45, 70)
    assert np.isfinite(result.outlier).all()
    expected = np.where(result.outlier >= predictor.threshold, 11, result.labels)
    assert np.array_equal(result.open_set, expected)
    judgement = predictor.judge(predictor.infer(rgb), predictor.usable_scores)
    for name in ("labels", "outlier", "open_set"):
        assert np.array_equal(getattr(judgement.prediction, name), getattr(result, name))
    assert set(judgement.log_odds) == set(predictor.usable_scores)


def test_a_single_outlier_head_knows_no_classes(small_model, rgb):
    predictor = Predictor.load(small_model("outlier_head"), device="cpu")
    result = predictor(rgb)
    assert not predictor.gives_classes
    assert predictor.usable_scores == ("op",)
    assert set(np.unique(result.labels)) == {255}
    assert set(np.unique(result.open_set)) <= {11, 255}
    with pytest.raises(OpenSetError, match="needs class logits"):
        predictor.decide(predictor.infer(rgb), "msm")


def test_c_plus_one_equals_a_softmax_over_all_its_logits(small_model, rgb):
    predictor = Predictor.load(small_model("c_plus_one"), device="cpu")
    logits = predictor.infer(rgb)
    whole = upsample(logits.heads.segmentation, logits.size)[0].double()
    result = predictor.decide(logits)
    assert whole.shape[0] == 12
    assert np.abs(result.outlier - whole.softmax(0)[-1].numpy()).max() < 1e-5
    assert np.array_equal(result.labels, whole[:-1].argmax(0).numpy())


def test_multi_label_equals_its_sigmoids(small_model, rgb):
    predictor = Predictor.load(small_model("multi_label"), device="cpu")
    logits = predictor.infer(rgb)
    whole = upsample(logits.heads.segmentation, logits.size)[0].double()
    expected = 1 - whole.sigmoid().amax(0).numpy()
    assert np.abs(predictor.decide(logits).outlier - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["outlier_head", "confidence"])
def test_a_two_way_head_gives_the_probability_of_its_second_channel(small_model, rgb, name):
    folder = small_model(name)
    network, image = network_and_input(folder, rgb)
    expected = softmax(to_frame(network(image).main.outlier))[1]
    assert np.abs(Predictor.load(folder, device="cpu")(rgb).outlier - expected).max() < 1e-5


def test_odin_equals_its_steps_one_by_one(small_model, rgb):
    """One signed step of 0.0014 towards a surer softmax at temperature 10, then max-softmax."""
    folder = small_model("multi_class")
    network, image = network_and_input(folder, rgb)
    image.requires_grad_()
    surest = (network(image).main.segmentation / 10).softmax(1).amax(1).log().sum()
    (gradient,) = torch.autograd.grad(surest, image)
    moved = network(image + 0.0014 * gradient.sign()).main.segmentation / 10
    expected = 1 - softmax(to_frame(moved)).max(0)
    odin = Predictor.load(folder, device="cpu", recognition="odin")
    assert np.abs(odin(rgb).outlier - expected).max() < 1e-5
    unmoved = 1 - softmax(to_frame(network(image).main.segmentation / 10)).max(0)
    assert np.abs(unmoved - expected).max() > 1e-4, "the step matters"


def test_mc_dropout_equals_the_mutual_information_of_its_passes(small_model, rgb):
    folder = small_model("multi_class")
    network, image = network_and_input(folder, rgb)
    for layer in network.modules():
        layer.train(isinstance(layer, torch.nn.Dropout))
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        passes = [softmax(network(image).main.segmentation[0].numpy()) for _ in range(3)]

    def entropy(probability: np.ndarray) -> np.ndarray:
        return -(probability * np.log(probability)).sum(0)

    mean = np.mean(passes, 0)
    shared = (entropy(mean) - np.mean([entropy(p) for p in passes], 0)) / math.log(11)
    assert shared.min() > 1e-6
    log_odds = torch.from_numpy(np.log(shared) - np.log1p(-shared))
    expected = 1 / (1 + np.exp(-to_frame(log_odds[None, None])[0]))
    result = Predictor.load(folder, device="cpu", recognition="mc_dropout")(rgb)
    assert np.abs(result.outlier / expected - 1).max() < 0.01
    classes = to_frame(torch.from_numpy(np.log(mean))[None]).argmax(0)
    assert (result.labels == classes).mean() > 0.999


def test_a_closed_set_network_can_be_asked_in_other_ways(small_model, rgb):
    folder = small_model("multi_class")
    plain = Predictor.load(folder, device="cpu")(rgb)
    odin = Predictor.load(folder, device="cpu", recognition="odin")
    dropout = Predictor.load(folder, device="cpu", recognition="mc_dropout")
    assert (odin.fusion, dropout.fusion) == ("msm", "op")
    assert np.abs(odin(rgb).outlier - plain.outlier).max() > 1e-3
    assert np.array_equal(dropout(rgb).outlier, dropout(rgb).outlier)


def test_dropout_must_have_been_trained(small_model):
    folder = small_model("multi_class", dropout=0.0)
    with pytest.raises(OpenSetError, match=r"trained without dropout.*network\.dropout above 0"):
        Predictor.load(folder, device="cpu", recognition="mc_dropout")


def test_heads_must_fit_the_recognition_module(small_model, tiny_model):
    folder = small_model("multi_class")
    with pytest.raises(OpenSetError, match=r"two_heads needs .*outlier_head true"):
        Predictor.load(folder, device="cpu", recognition="two_heads")
    with pytest.raises(OpenSetError, match="c_plus_one needs segmentation_head classes_and"):
        Predictor.load(tiny_model, device="cpu", recognition="c_plus_one")


def test_a_description_of_the_first_models_is_one_of_two_heads(tiny_model, tmp_path, rgb):
    folder = tmp_path / "first"
    shutil.copytree(tiny_model, folder)
    path = folder / "model.yaml"
    values = yaml.safe_load(path.read_text())
    del values["recognition"]
    for name in ("segmentation_head", "dropout"):
        del values["network"][name]
    for name in ("exponent", "smoothing", "boundary_width"):
        del values["decision"][name]
    path.write_text(yaml.safe_dump(values))
    first, now = (Predictor.load(model, device="cpu") for model in (folder, tiny_model))
    assert first.recognition == "two_heads"
    assert read_description(folder) == read_description(tiny_model)
    assert np.array_equal(first(rgb).outlier, now(rgb).outlier)


def test_a_description_whose_heads_contradict_its_recognition_is_refused(small_model):
    path = small_model("two_heads") / "model.yaml"
    values = yaml.safe_load(path.read_text())
    values["recognition"]["name"] = "outlier_head"
    values["decision"]["fusion"] = "op"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(OpenSetError) as caught:
        Predictor.load(path.parent, device="cpu")
    assert str(caught.value) == (
        f"{path}: model 'two_heads': recognition outlier_head needs segmentation_head none and "
        "outlier_head true in its network: choose another recognition module"
    )


def test_the_exponent_weighs_the_max_softmax(small_model, rgb):
    folder = small_model("two_heads", exponent=0.5)
    network, image = network_and_input(folder, rgb)
    main = network(image).main
    msm = 1 - softmax(to_frame(main.segmentation)).max(0)
    expected = softmax(to_frame(main.outlier))[1] * np.sqrt(msm)
    assert np.abs(Predictor.load(folder, device="cpu")(rgb).outlier - expected).max() < 1e-5


def test_smoothing_is_a_gaussian_over_the_log_odds(small_model, rgb):
    predictor = Predictor.load(small_model("two_heads", smoothing=1.0), device="cpu")
    logits = predictor.infer(rgb)
    rough = predictor.log_odds(logits, smoothing=0.0).astype(np.float64)
    smooth = gaussian_filter(rough, 1.0, mode="nearest", truncate=3.0)
    assert np.abs(predictor(rgb).outlier - 1 / (1 + np.exp(-smooth))).max() < 1e-5
    assert np.abs(smooth - rough).max() > 0.01
    plain = Predictor.load(small_model("two_heads"), device="cpu")
    assert np.array_equal(predictor.log_odds(logits, smoothing=0.0), plain.log_odds(logits))


def test_the_boundary_width_changes_scores_at_class_boundaries_alone(small_model, rgb):
    plain = Predictor.load(small_model("two_heads"), device="cpu")
    logits = plain.infer(rgb)
    rough, labels = (torch.from_numpy(m) for m in (plain.log_odds(logits), plain(rgb).labels))
    suppressing = Predictor.load(small_model("two_heads", boundary_width=1), device="cpu")
    found = torch.from_numpy(suppressing.log_odds(logits))
    assert torch.equal(found, suppress_boundaries(rough, labels, 1))
    near = near_boundary(labels, 1)
    assert 0 < near.float().mean() < 1
    assert torch.equal(found[~near], rough[~near])
    assert not torch.equal(found[near], rough[near])


def test_another_module_takes_nothing_that_was_measured_on_the_old_ones_logits(small_model):
    description = read_description(small_model("multi_class"))
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


def test_class_statistics_must_fit_the_taxonomy(small_model):
    description = read_description(small_model("multi_class"))
    with pytest.raises(OpenSetError, match="class statistics of 2 classes, not of its 11"):
        replace(description, class_statistics=ClassStatistics((1.0, 1.0), (1.0, 1.0)))
