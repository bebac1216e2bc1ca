"""ODIN: max-softmax after one step on the input (Liang, Li and Srikant 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.multi_class import MultiClass


@dataclass(frozen=True)
class Odin(MultiClass):
    """A C-way network that sees its input again, moved to where it is surer.

    The input takes one step of `epsilon` (in normalised units) against the sign of the gradient
    of - log max softmax at the temperature, summed over the picture: known pixels gain more by it
    than outliers. The logits come divided by the temperature.
    """

    name = "odin"
    single_pass = False

    temperature: float = 10.0
    epsilon: float = 0.0014

    def infer(self, network: OpenSetNetwork, image: Tensor) -> HeadLogits:
        """Return the class logits of the moved pictures."""
        with torch.inference_mode(False), torch.enable_grad():
            moved = image.clone().requires_grad_()
            logits = network(moved).main.segmentation / self.temperature
            surest = functional.log_softmax(logits, 1).amax(1).sum()
            (gradient,) = torch.autograd.grad(-surest, moved)
        with torch.no_grad():
            logits = network(image - self.epsilon * gradient.sign()).main.segmentation
            return HeadLogits(logits / self.temperature, None)
