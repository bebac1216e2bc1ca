"""The whole network: the paper's size and cost, strides, initialisation, input sizes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.layers import upsample
from ldn_openset_ros.nn.network import BACKBONES, NetworkSettings, OpenSetNetwork

SMALL = NetworkSettings(
    backbone="efficientnet_lite0",
    num_classes=5,
    pyramid_width=16,
    pyramid_level_width=8,
    ladder_widths=(16, 12, 8),
)


@pytest.fixture(scope="module")
def paper_network() -> OpenSetNetwork:
    torch.manual_seed(0)
    return OpenSetNetwork(NetworkSettings(), auxiliary_heads=True).eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_paper_network_has_17_4_million_parameters(paper_network):
    assert parameters(paper_network) == 17_378_516
    assert parameters(paper_network) - parameters(paper_network.auxiliary_heads) == 17_352_853
    assert parameters(OpenSetNetwork(NetworkSettings())) == 17_352_853


def multiply_adds(network: OpenSetNetwork, height: int, width: int) -> dict[str, float]:
    """Return every convolution's multiply-adds per input pixel."""
    costs = {}
    hooks = [
        module.register_forward_hook(
            lambda module, inputs, output, name=name: costs.update(
                {name: output[0].numel() * module.weight[0].numel() / (height * width)}
            )
        )
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and not name.startswith("auxiliary_heads")
    ]
    with torch.inference_mode():
        network(torch.zeros(1, 3, height, width))
    for hook in hooks:
        hook.remove()
    return costs


def test_paper_network_costs_128000_multiply_adds_a_pixel(paper_network):
    costs = multiply_adds(paper_network, 256, 512)
    total = sum(costs.values())

    assert total == pytest.approx(128_000, rel=0.005)
    for parts, share in (
        (("ladder.modules_coarse_to_fine.2",), 0.32),
        (("backbone.features.denseblock1", "backbone.features.transition1"), 0.18),
        (("backbone.features.denseblock2", "backbone.features.transition2"), 0.13),
        (("backbone.features.denseblock3", "backbone.features.transition3"), 0.16),
    ):
        cost = sum(value for name, value in costs.items() if name.startswith(parts))
        assert cost / total == pytest.approx(share, abs=0.01), parts


def test_logits_at_stride_4_and_auxiliary_ones_at_32_16_and_8(paper_network):
    with torch.inference_mode():
        output = paper_network(torch.zeros(2, 3, 64, 96))

    assert output.main.segmentation.shape == (2, 19, 16, 24)
    assert output.main.outlier.shape == (2, 2, 16, 24)
    assert [tuple(a.segmentation.shape) for a in output.auxiliary] == [
        (2, 19, 2, 3),
        (2, 19, 4, 6),
        (2, 19, 8, 12),
    ]
    assert [a.outlier.shape[1] for a in output.auxiliary] == [2, 2, 2]


def test_auxiliary_heads_are_for_training_alone():
    network = OpenSetNetwork(SMALL).eval()

    assert network(torch.zeros(1, 3, 32, 32)).auxiliary == ()


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (65, 38)])
def test_any_size_from_32_on_gives_logits_of_its_quarter(backbone, size):
    settings = NetworkSettings(
        backbone=backbone,
        num_classes=3,
        pyramid_width=8,
        pyramid_level_width=4,
        ladder_widths=(8, 8, 8),
    )
    network = OpenSetNetwork(settings).eval()

    with torch.inference_mode():
        logits = network(torch.randn(1, 3, *size)).main

    for given, exact in zip(logits.segmentation.shape[-2:], size, strict=True):
        assert given in (exact // 4, math.ceil(exact / 4))
    assert upsample(logits.segmentation, size).shape == (1, 3, *size)
    assert bool(torch.isfinite(logits.segmentation).all())
    assert bool(torch.isfinite(logits.outlier).all())


@pytest.mark.parametrize("size", [(31, 200), (200, 31), (1, 1)])
def test_smaller_pictures_are_refused(size):
    height, width = size
    with pytest.raises(OpenSetError, match=f"{width}x{height} pixels is too small"):
        OpenSetNetwork(SMALL)(torch.zeros(1, 3, height, width))


def test_without_outlier_head():
    settings = NetworkSettings(backbone="efficientnet_lite0", outlier_head=False)
    network = OpenSetNetwork(settings, auxiliary_heads=True).eval()

    output = network(torch.zeros(1, 3, 64, 64))

    assert output.main.outlier is None
    assert all(auxiliary.outlier is None for auxiliary in output.auxiliary)


def test_unknown_backbone_names_the_known_ones():
    with pytest.raises(OpenSetError, match=r"'resnet18'.*densenet169"):
        NetworkSettings(backbone="resnet18")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"num_classes": 1}, "num_classes is 1: give 2 to 254"),
        ({"num_classes": 255}, "num_classes is 255: give 2 to 254"),
        ({"ladder_widths": (8, 8)}, "three ladder_widths"),
        ({"pyramid_width": 0}, "must be at least 1"),
        ({"pyramid_grid_rows": (4, 0)}, "must be at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"segmentation_head": "none", "outlier_head": False}, "has no head"),
    ],
)
def test_shapes_that_cannot_be_built_are_refused(values, reason):
    with pytest.raises(OpenSetError, match=reason):
        NetworkSettings(**values)


def test_single_outlier_head():
    settings = NetworkSettings("efficientnet_lite0", segmentation_head="none")
    output = OpenSetNetwork(settings).eval()(torch.zeros(1, 3, 64, 64)).main
    assert output.segmentation is None
    assert output.outlier.shape == (1, 2, 16, 16)


def test_an_outlier_class_is_one_more_map():
    settings = NetworkSettings(
        "efficientnet_lite0", 5, segmentation_head="classes_and_outlier", outlier_head=False
    )
    output = OpenSetNetwork(settings).eval()(torch.zeros(1, 3, 64, 64)).main
    assert output.segmentation.shape == (1, 6, 16, 16)
    assert output.outlier is None


@pytest.mark.parametrize("backbone", ["densenet169", "efficientnet_lite0"])
def test_every_batch_norm_has_momentum_one_hundredth(backbone):
    network = OpenSetNetwork(NetworkSettings(backbone=backbone), auxiliary_heads=True)

    momenta = [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(momenta) > 40
    assert set(momenta) == {0.01}


def test_convolutions_start_from_kaiming_and_heads_from_xavier(paper_network):
    for name, module in paper_network.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        fan_in = module.weight[0].numel()
        head = "heads" in name.split(".")[0]
        variance = 2 / (fan_in + module.out_channels) if head else 2 / fan_in
        spread = 6 / math.sqrt(2 * module.weight.numel())
        assert module.weight.std().item() == pytest.approx(math.sqrt(variance), rel=spread), name
        assert (module.bias is not None) == head, name


def test_a_seed_fixes_the_weights():
    def build() -> dict[str, torch.Tensor]:
        torch.manual_seed(3)
        return OpenSetNetwork(SMALL).state_dict()

    first, second = build(), build()

    assert all(torch.equal(first[name], second[name]) for name in first)


def test_one_step_reaches_every_parameter():
    network = OpenSetNetwork(SMALL, auxiliary_heads=True)
    torch.manual_seed(0)

    output = network(torch.randn(2, 3, 64, 64))
    sum(
        part.square().mean() for pair in (output.main, *output.auxiliary) for part in pair
    ).backward()

    idle = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
