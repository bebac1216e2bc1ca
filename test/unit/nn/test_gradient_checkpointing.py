"""Gradient checkpointing changes what is kept in memory, and nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import set_checkpoint_early_stop

from ldn_openset_ros.nn.dense_net import DenseNet
from ldn_openset_ros.nn.efficient_net_lite import EfficientNetLite
from ldn_openset_ros.nn.gradient_checkpointing import (
    RecomputableBlock,
    enable_gradient_checkpointing,
)
from ldn_openset_ros.nn.network import BACKBONES, NetworkSettings, OpenSetNetwork

BUILDERS = {
    "densenet": lambda: DenseNet(8, 4, (3, 4, 6, 4)),
    "efficientnet_lite": lambda: EfficientNetLite(1.0, 1.0),
}


@pytest.fixture(params=BUILDERS)
def pair(request) -> tuple[nn.Module, nn.Module]:
    """The same backbone without and with gradient checkpointing, in training mode."""
    torch.manual_seed(0)
    plain = BUILDERS[request.param]().train()
    checkpointed = copy.deepcopy(plain)
    enable_gradient_checkpointing(checkpointed)
    return plain, checkpointed


def images(seed: int = 0) -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(seed))


def loss_of(outputs: list[Tensor]) -> Tensor:
    return sum(functional.softplus(output).mean() for output in outputs)


def train(backbone: nn.Module, steps: int = 3) -> tuple[list[float], list[Tensor]]:
    """Return the loss of every step and the gradients of the last one."""
    optimiser = torch.optim.Adam(backbone.parameters(), lr=1e-3, eps=1e-5, amsgrad=True)
    losses = []
    for step in range(steps):
        loss = loss_of(backbone(images(step)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, [parameter.grad for parameter in backbone.parameters()]


def assert_same_state(given: nn.Module, wanted: nn.Module) -> None:
    """Compare all weights, running statistics and counters, and their names."""
    torch.testing.assert_close(given.state_dict(), wanted.state_dict(), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("early_stop", [True, False])
def test_three_optimiser_steps_are_the_same(pair, early_stop):
    plain, checkpointed = pair
    start = copy.deepcopy(plain.state_dict())

    with set_checkpoint_early_stop(early_stop):
        losses, gradients = train(checkpointed)

    expected_losses, expected_gradients = train(plain)
    assert losses == pytest.approx(expected_losses, abs=1e-6)
    torch.testing.assert_close(gradients, expected_gradients, atol=1e-6, rtol=1e-6)
    assert_same_state(checkpointed, plain)
    for name, tensor in checkpointed.state_dict().items():
        assert not torch.equal(tensor, start[name]), name  # three steps do move everything
        if name.endswith("num_batches_tracked"):
            assert tensor == 3


def test_two_backward_passes_through_one_graph(pair):
    plain, checkpointed = pair

    for backbone in pair:
        loss = loss_of(backbone(images()))
        loss.backward(retain_graph=True)
        loss.backward()

    for given, wanted in zip(checkpointed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(given.grad, wanted.grad, atol=1e-6, rtol=1e-6)
    assert_same_state(checkpointed, plain)


def test_a_forward_pass_without_a_backward_pass_is_one_full_update(pair):
    plain, checkpointed = pair

    with torch.no_grad():
        for backbone in pair:
            backbone(images())

    assert_same_state(checkpointed, plain)


def test_frozen_batch_norm_stays_frozen(pair):
    plain, checkpointed = pair
    frozen = copy.deepcopy(dict(plain.named_buffers()))
    for backbone in pair:
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    losses, gradients = train(checkpointed)

    expected_losses, expected_gradients = train(plain)
    assert losses == pytest.approx(expected_losses, abs=1e-6)
    torch.testing.assert_close(gradients, expected_gradients, atol=1e-6, rtol=1e-6)
    for name, buffer in checkpointed.named_buffers():
        assert torch.equal(buffer, frozen[name]), name


def test_buffers_are_the_same_objects_afterwards(pair):
    _, checkpointed = pair
    before = {name: id(buffer) for name, buffer in checkpointed.named_buffers()}

    train(checkpointed, steps=1)

    assert {name: id(buffer) for name, buffer in checkpointed.named_buffers()} == before


def kept_bytes(backbone: nn.Module) -> int:
    """Return the bytes of activations that a forward pass keeps for the gradients."""
    own = {tensor.data_ptr() for tensor in backbone.state_dict().values()}
    sizes = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = backbone(images())
    assert all(output.requires_grad for output in outputs)  # alive, so no address came twice
    return sum(sizes.values())


@pytest.mark.parametrize(("name", "share"), [("densenet169", 0.2), ("efficientnet_lite0", 0.1)])
def test_memory_for_activations_shrinks(name, share):
    backbone = BACKBONES[name]().train()

    plain = kept_bytes(backbone)
    enable_gradient_checkpointing(backbone)
    checkpointed = kept_bytes(backbone)

    assert checkpointed < share * plain


def test_memory_of_a_dense_block_grows_with_its_layers_not_with_their_square():
    sizes = []
    for layers in (1, 11, 21):
        backbone = DenseNet(8, 8, (layers, 1, 1, 1)).train()
        enable_gradient_checkpointing(backbone)
        sizes.append(kept_bytes(backbone))

    assert sizes[2] - sizes[1] == pytest.approx(sizes[1] - sizes[0], rel=0.01)


def test_evaluation_mode_keeps_the_whole_graph_and_updates_nothing(pair):
    plain, checkpointed = (backbone.eval() for backbone in pair)
    before = copy.deepcopy(plain.state_dict())

    assert kept_bytes(checkpointed) == kept_bytes(plain)
    loss_of(checkpointed(images())).backward()

    torch.testing.assert_close(checkpointed.state_dict(), before, atol=0, rtol=0)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_has_blocks_to_recompute(backbone):
    network = OpenSetNetwork(NetworkSettings(backbone=backbone))
    blocks = [m for m in network.modules() if isinstance(m, RecomputableBlock)]

    assert len(blocks) >= 16
    assert not any(block.gradient_checkpointing for block in blocks)
    enable_gradient_checkpointing(network)
    assert all(block.gradient_checkpointing for block in blocks)
