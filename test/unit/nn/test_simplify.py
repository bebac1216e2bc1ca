"""The simplified network is the same function with fewer layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ldn_openset_ros.nn.dense_net import Transition
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.nn.simplify import simplify


def vary_norms(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.6, 1.4)
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


@pytest.fixture(scope="module", params=["efficientnet_lite0", "densenet121"])
def network(request) -> OpenSetNetwork:
    torch.manual_seed(0)
    small = dict(pyramid_width=16, pyramid_level_width=8, ladder_widths=(16, 16, 16))
    settings = NetworkSettings(backbone=request.param, num_classes=5, **small)
    return vary_norms(OpenSetNetwork(settings, auxiliary_heads=True))


def layers(network: nn.Module, kind: type) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


@pytest.mark.parametrize("size", [(64, 96), (75, 121)])
def test_logits_are_the_same(network, size):
    image = torch.randn(2, 3, *size)
    with torch.inference_mode():
        for wanted, found in zip(network(image).main, simplify(network)(image).main, strict=True):
            assert float(wanted.std()) > 0.05
            assert float((wanted - found).abs().max()) < 1e-4


def test_the_original_stays_as_it_is(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modules = [name for name, _ in network.named_modules()]
    simplify(network)
    assert [name for name, _ in network.named_modules()] == modules
    assert before.keys() == network.state_dict().keys()
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_it_has_less_to_do(network):
    simple = simplify(network)
    assert len(network.auxiliary_heads) == 3
    assert len(simple.auxiliary_heads) == 0
    assert layers(simple, nn.BatchNorm2d) < layers(network, nn.BatchNorm2d)
    assert not any(parameter.requires_grad for parameter in simple.parameters())
    if network.settings.backbone == "efficientnet_lite0":
        # Left are those before a ReLU and a convolution: pyramid, ladder and heads.
        assert layers(simple.backbone, nn.BatchNorm2d) == 0


def test_transitions_pool_before_they_convolve():
    torch.manual_seed(0)
    settings = NetworkSettings(backbone="densenet121", num_classes=5)
    network = OpenSetNetwork(settings).eval()
    assert layers(network, Transition) == 3
    for module in simplify(network).modules():
        if isinstance(module, Transition):
            assert list(dict(module.named_children())) == ["norm", "relu", "pool", "conv"]
