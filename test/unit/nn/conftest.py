"""Helpers of the network's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn


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
