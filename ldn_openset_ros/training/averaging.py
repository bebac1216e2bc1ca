"""A running average of a network's weights, which wander less than the weights of any step.

An exponential moving average of weights and batch-norm statistics judges better than the weights
themselves (Tarvainen and Valpola 2017), all the more while the learning rate is high.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

WARM_UP = 10
"""The average forgets faster in the first steps: step t keeps at most t / (t + 10) of it."""


def average_of(network: nn.Module) -> nn.Module:
    """Return the network that is to hold the average, which starts as a copy."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Take in the weights after step number `step`, which counts from 1; decay in [0, 1)."""
    decay = min(decay, step / (step + WARM_UP))
    weights = network.state_dict()
    for name, mean in average.state_dict().items():
        if mean.is_floating_point():
            mean.lerp_(weights[name], 1 - decay)
        else:
            mean.copy_(weights[name])
