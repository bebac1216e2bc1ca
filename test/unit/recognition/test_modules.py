"""Every recognition module: what it is trained with, and what its score means."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.recognition.mc_dropout import McDropout, entropy
from ldn_openset_ros.recognition.module import Truth
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.recognition.odin import Odin
from ldn_openset_ros.recognition.registry import (
    MODULES,
    RecognitionSettings,
    build_recognition,
)
from ldn_openset_ros.score_names import usable_scores
from ldn_openset_ros.scores import SCORES

LOG_2 = math.log(2)


def tiny_network(name: str, dropout: float = 0.0) -> OpenSetNetwork:
    torch.manual_seed(0)
    module = MODULES[name]
    settings = NetworkSettings(
        "efficientnet_lite0",
        num_classes=5,
        segmentation_head=module.segmentation_head,
        outlier_head=module.outlier_head,
        pyramid_width=16,
        pyramid_level_width=8,
        ladder_widths=(16, 16, 16),
        dropout=dropout,
    )
    return OpenSetNetwork(settings, auxiliary_heads=True)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def truth() -> Truth:
    """Inliers of class 1 above, outliers in the middle, void below."""
    labels, outlier = torch.full((2, 64, 96), 255), torch.full((2, 64, 96), 255)
    labels[:, :32], outlier[:, :32], outlier[:, 32:56] = 1, 0, 1
    return Truth(labels, outlier)


def test_every_name_has_its_module():
    assert tuple(MODULES) == RECOGNITION_NAMES


@pytest.mark.parametrize("name", RECOGNITION_NAMES)
def test_every_module_trains_all_its_heads(name, image, truth):
    network = tiny_network(name, dropout=0.1).train()
    module = build_recognition(RecognitionSettings(name))
    output = network(image)
    parts = [module.losses(heads, truth) for heads in (output.main, *output.auxiliary)]
    loss = sum(part.classes + 0.2 * part.outlier for part in parts)
    loss.backward()
    assert torch.isfinite(loss)
    silent = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    # A bias before softmax over a dead channel aside, every weight hears of the loss.
    assert [key for key in silent if key.endswith("conv.weight")] == []


@pytest.mark.parametrize("name", RECOGNITION_NAMES)
def test_every_module_gives_the_logits_it_promises(name, image):
    network = tiny_network(name, dropout=0.3).eval()
    module = build_recognition(RecognitionSettings(name, passes=3))
    logits = module.interpret(module.infer(network, image))
    assert (logits.segmentation is not None) == module.gives_classes
    assert (logits.outlier is not None) == module.gives_outlier
    if module.gives_classes:
        assert logits.segmentation.shape == (2, 5, 16, 24)
    if module.gives_outlier:
        assert logits.outlier.shape == (2, 2, 16, 24)
    score = SCORES[module.default_score](logits.segmentation, logits.outlier)
    assert score.shape == (2, 16, 24)
    assert torch.isfinite(score).all()
    assert module.default_score in usable_scores(module.gives_classes, module.gives_outlier)


@pytest.mark.parametrize("name", ["multi_class", "odin", "mc_dropout", "confidence"])
def test_modules_without_negatives_do_not_look_at_outliers(name, image, truth):
    module = build_recognition(RecognitionSettings(name))
    assert not module.uses_negatives
    logits = tiny_network(name).eval()(image).main
    elsewhere = Truth(truth.labels, torch.full_like(truth.outlier, 255))
    assert module.losses(logits, truth) == module.losses(logits, elsewhere)


def test_two_heads_train_each_head_on_its_own_truth():
    module = build_recognition(RecognitionSettings("two_heads"))
    logits = HeadLogits(torch.zeros(1, 3, 1, 2), torch.zeros(1, 2, 1, 2))
    truth = Truth(torch.tensor([[[0, 255]]]), torch.tensor([[[0, 1]]]))
    classes, outlier = module.losses(logits, truth)
    assert classes.item() == pytest.approx(math.log(3))
    assert outlier.item() == pytest.approx(LOG_2)


def test_single_outlier_head_has_no_class_loss():
    module = build_recognition(RecognitionSettings("outlier_head"))
    truth = Truth(torch.tensor([[[0, 255]]]), torch.tensor([[[0, 1]]]))
    parts = module.losses(HeadLogits(None, torch.zeros(1, 2, 1, 2)), truth)
    assert (parts.classes.item(), parts.outlier.item()) == pytest.approx((0, LOG_2))


def test_c_plus_one_scores_by_the_probability_of_the_last_class():
    module = build_recognition(RecognitionSettings("c_plus_one"))
    probability = torch.tensor([0.1, 0.3, 0.6])
    logits = module.interpret(HeadLogits(probability.log().view(3, 1, 1) + 4, None))
    assert SCORES["op"](*logits).sigmoid().item() == pytest.approx(0.6)
    assert logits.segmentation.argmax(0).item() == 1


def test_multi_label_scores_by_one_minus_the_largest_sigmoid():
    module = build_recognition(RecognitionSettings("multi_label"))
    logits = module.interpret(HeadLogits(torch.tensor([0.2, 0.7]).logit().view(2, 1, 1), None))
    assert SCORES["op"](*logits).sigmoid().item() == pytest.approx(0.3)


def test_confidence_scores_by_one_minus_confidence_and_pays_for_hints():
    module = build_recognition(RecognitionSettings("confidence"))
    # Confidence 3/4: log-odds log 3 for the inlier channel.
    outlier = torch.tensor([math.log(3), 0.0]).view(1, 2, 1, 1)
    logits = HeadLogits(torch.zeros(1, 2, 1, 1), outlier)
    assert SCORES["op"](*logits).sigmoid().item() == pytest.approx(0.25)
    truth = Truth(torch.zeros(1, 1, 1, dtype=torch.int64), torch.zeros(1, 1, 1))
    classes, price = module.losses(logits, truth)
    assert classes.item() == pytest.approx(-math.log(0.75 * 0.5 + 0.25))
    assert price.item() == pytest.approx(-math.log(0.75))


def test_odin_makes_the_network_surer_and_leaves_it_as_it_was(image):
    network = tiny_network("odin").eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.inference_mode():
        plain = network(image).main.segmentation
    module = Odin(temperature=2.0, epsilon=0.01)
    moved = module.infer(network, image).segmentation * module.temperature

    def surest(logits: torch.Tensor) -> float:
        return (logits / module.temperature).log_softmax(1).amax(1).mean().item()

    assert surest(moved) > surest(plain)
    still = Odin(temperature=2.0, epsilon=0.0).infer(network, image).segmentation
    assert torch.allclose(still, plain / 2, atol=1e-6)
    assert all(torch.equal(before[n], t) for n, t in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_odin_works_inside_inference_mode(image):
    network = tiny_network("odin").eval()
    outside = Odin().infer(network, image).segmentation
    with torch.inference_mode():
        inside = Odin().infer(network, image.clone()).segmentation
    assert torch.equal(inside, outside)


class TwoOpinions(nn.Module):
    """Answers as a network with dropout whose passes say class 0 and class 1 in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        return [image]

    def decode(self, features: list[torch.Tensor]):
        self.passes += 1
        logits = torch.zeros(1, 2, 1, 1)
        logits[:, self.passes % 2] = 100.0
        return type("Output", (), {"main": HeadLogits(logits, None)})


def test_mutual_information_is_one_where_sure_passes_disagree(image):
    network = TwoOpinions()
    logits = McDropout(passes=4).infer(network, image)
    assert network.passes == 4
    assert SCORES["op"](*logits).sigmoid().item() == pytest.approx(1, abs=1e-5)
    assert logits.segmentation.exp().flatten().tolist() == pytest.approx([0.5, 0.5])


def test_mutual_information_is_zero_without_dropout(image):
    network = tiny_network("mc_dropout", dropout=0.0).eval()
    logits = McDropout(passes=3).infer(network, image)
    assert SCORES["op"](*logits).sigmoid().max() < 1e-5
    plain = network(image).main.segmentation.softmax(1)
    assert torch.allclose(logits.segmentation.exp(), plain, atol=1e-6)


def test_dropout_passes_repeat_and_leave_no_trace(image):
    network = tiny_network("mc_dropout", dropout=0.4).eval()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = McDropout(passes=3).infer(network, image)
    assert torch.equal(torch.rand(3), expected)
    second = McDropout(passes=3).infer(network, image)
    assert torch.equal(first.outlier, second.outlier)
    assert SCORES["op"](*first).sigmoid().mean() > 1e-4
    assert not any(module.training for module in network.modules())


def test_entropy_of_a_fair_coin_is_log_two():
    assert entropy(torch.full((1, 2, 1, 1), 0.5)).item() == pytest.approx(LOG_2)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "guess"}, "unknown recognition module 'guess': choose one of multi_class"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"epsilon": -1.0}, "epsilon at least 0"),
        ({"passes": 1}, "passes is 1: give at least 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, reason):
    with pytest.raises(OpenSetError, match=reason):
        RecognitionSettings(**values)


def test_settings_reach_their_module():
    settings = RecognitionSettings("odin", temperature=3.0, epsilon=0.02)
    assert build_recognition(settings) == Odin(3.0, 0.02)
    assert build_recognition(RecognitionSettings("mc_dropout", passes=9)) == McDropout(9)
