"""Helpers of the network's tests: random modules, and their parts in plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional


@pytest.fixture
def randomise() -> Callable[[nn.Module], nn.Module]:
    """Return a function that fills a module's batch norms too, and sets evaluation mode."""

    def fill(module: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(11)
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(0, 0.3, generator=generator)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
        return module.eval()

    return fill


@pytest.fixture
def norm_relu_conv_reference() -> Callable[..., Tensor]:
    """Return BN-ReLU-convolution computed from the parameters of two layers."""

    def compute(features: Tensor, norm: nn.BatchNorm2d, conv: nn.Conv2d) -> Tensor:
        mean, variance, gain, offset = (
            vector.view(1, -1, 1, 1)
            for vector in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        normalised = (features - mean) / torch.sqrt(variance + 1e-5) * gain + offset
        padding = conv.weight.shape[-1] // 2
        return functional.conv2d(normalised.clamp(min=0), conv.weight, conv.bias, padding=padding)

    return compute
