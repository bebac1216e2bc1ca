"""Monte Carlo dropout (Gal and Ghahramani 2016; Kendall and Gal 2017)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.multi_class import MultiClass


@dataclass(frozen=True)
class McDropout(MultiClass):
    """A C-way network with dropout kept on; outliers are where its passes disagree.

    The class logits are log mean probabilities. P(outlier) is the mutual information of class and
    weights, divided by log C; entropy is the other score that the paper's sources use. Dropout
    sits in the ladder, so the backbone runs once.
    """

    name = "mc_dropout"
    single_pass = False
    gives_outlier = True
    default_score = "op"
    seed: ClassVar[int] = 0
    """Of the dropout masks: the same for every picture, so that results repeat."""

    passes: int = 50

    def infer(self, network: OpenSetNetwork, image: Tensor) -> HeadLogits:
        """Return log mean probabilities and mutual information as two-way logits."""
        features = network.encode(image)
        mean_probability = mean_entropy = 0.0
        with dropout_kept_on(network), torch.random.fork_rng():
            torch.manual_seed(self.seed)
            for _ in range(self.passes):
                probability = network.decode(features).main.segmentation.float().softmax(1)
                mean_probability = mean_probability + probability / self.passes
                mean_entropy = mean_entropy + entropy(probability) / self.passes
        information = (entropy(mean_probability) - mean_entropy) / math.log(
            mean_probability.shape[1]
        )
        limits = torch.finfo(information.dtype)
        log_odds = torch.logit(information.clamp(limits.tiny, 1 - limits.eps))
        return HeadLogits(
            mean_probability.clamp(min=limits.tiny).log(),
            torch.stack([torch.zeros_like(log_odds), log_odds], 1),
        )


def entropy(probability: Tensor) -> Tensor:
    """Return the entropy in nats of (N, C, h, w) probabilities, (N, h, w)."""
    return torch.special.entr(probability).sum(1)


@contextmanager
def dropout_kept_on(network: nn.Module) -> Iterator[None]:
    """Draw dropout masks although the network is in evaluation mode."""
    layers = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.train(mode)
