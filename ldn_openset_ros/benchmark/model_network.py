"""Models of random weights, to time."""

from __future__ import annotations

from pathlib import Path

import torch

from ldn_openset_ros.inference.model_files import (
    SEMSEG_OD_NORMALISATION,
    ModelDescription,
    find_model,
    write_model,
)
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.taxonomy import load_taxonomy

RANDOM_MODELS = {
    f"ldn{depth}": NetworkSettings(backbone=f"densenet{depth}") for depth in (121, 161, 169, 201)
}
"""Ladder DenseNets for Cityscapes' classes; ldn169 is the paper's."""


def random_model(name: str, parent: Path) -> Path:
    """Write a model of RANDOM_MODELS below `parent`, the same weights each time; its folder.

    What it recognises is worthless; it takes the time of a trained one.
    """
    settings = RANDOM_MODELS[name]
    description = ModelDescription(
        name=name,
        network=settings,
        normalisation=SEMSEG_OD_NORMALISATION,
        taxonomy=load_taxonomy("cityscapes").to_dict(),
        trained=False,
    )
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = OpenSetNetwork(settings)
    write_model(parent / name, description, network)
    return find_model(parent / name)
