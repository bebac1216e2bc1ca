"""The network with its pre-processing, from pixels to logits: what is run and exported."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ldn_openset_ros.inference.model_files import (
    ModelDescription,
    read_description,
    read_network,
)
from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.nn.simplify import simplify
from ldn_openset_ros.recognition.registry import build_recognition


class PixelNetwork(nn.Module):
    """Map RGB pixels, uint8 (N, h, w, 3), to the recognition module's logits at stride 4."""

    def __init__(self, network: OpenSetNetwork, description: ModelDescription) -> None:
        """Take the network, in evaluation mode, and what the model says of its input."""
        super().__init__()
        self.network = network
        self.description = description
        self.recognition = build_recognition(description.recognition)
        for name in ("mean", "std"):
            values = torch.tensor(getattr(description.normalisation, name))
            self.register_buffer(name, values.view(1, 3, 1, 1), persistent=False)

    @classmethod
    def read(cls, folder: Path) -> PixelNetwork:
        """Read a model's network from its folder; raises OpenSetError with the remedy."""
        description = read_description(folder)
        return cls(read_network(folder, description), description)

    def forward(self, pixels: Tensor) -> HeadLogits:
        """Return the logits, None for a head that is not there."""
        image = (pixels.permute(0, 3, 1, 2).contiguous().float() - self.mean) / self.std
        return self.recognition.infer(self.network, image)

    def simplified(self) -> PixelNetwork:
        """Return what computes the same with fewer operations; this one stays as it is."""
        return PixelNetwork(simplify(self.network), self.description)

    def heads(self, logits: list[Tensor]) -> HeadLogits:
        """Return the logits of the heads that are there, in their order, as a pair."""
        pair = iter(logits)
        heads = self.network.heads
        return HeadLogits(
            None if heads.segmentation is None else next(pair),
            None if heads.outlier is None else next(pair),
        )

    def head_names(self) -> list[str]:
        """Return the names of the heads that are there."""
        heads = self.network.heads
        return [name for name in HeadLogits._fields if getattr(heads, name) is not None]
