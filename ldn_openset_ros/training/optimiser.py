"""Adam with a smaller rate for the pretrained backbone, and the cosine schedule."""

from __future__ import annotations

import math

import torch

from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.training.settings import OptimiserSettings


def build_optimiser(network: OpenSetNetwork, settings: OptimiserSettings) -> torch.optim.Adam:
    """Build Adam with two groups, `backbone` and `rest`, that hold every parameter once."""
    backbone = {id(parameter) for parameter in network.backbone.parameters()}
    groups = [
        {
            "name": "backbone",
            "params": [p for p in network.parameters() if id(p) in backbone],
            "peak_lr": settings.learning_rate * settings.backbone_factor,
        },
        {
            "name": "rest",
            "params": [p for p in network.parameters() if id(p) not in backbone],
            "peak_lr": settings.learning_rate,
        },
    ]
    return torch.optim.Adam(
        groups,
        lr=settings.learning_rate,
        eps=settings.eps,
        weight_decay=settings.weight_decay,
        amsgrad=settings.amsgrad,
    )


def set_learning_rates(optimiser: torch.optim.Optimizer, step: int, steps: int) -> None:
    """Set every group's rate for `step` of `steps`: a cosine from its peak to zero."""
    factor = (1 + math.cos(math.pi * step / steps)) / 2
    for group in optimiser.param_groups:
        group["lr"] = group["peak_lr"] * factor
