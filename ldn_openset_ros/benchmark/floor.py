"""What a network's arithmetic takes at least, at the rate of a plain matrix product."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ldn_openset_ros.benchmark.timings import timed
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork

MATRIX_SIZE = 2048
RUNS = 10


@dataclass(frozen=True)
class Floor:
    """Multiply-adds of the convolutions for one frame, and how many the machine does in a second.

    Convolutions by Winograd's algorithm take fewer, so they can be faster than this.
    """

    multiply_adds: int
    per_second: float

    @property
    def ms(self) -> float:
        """Milliseconds of the multiply-adds at that rate."""
        return self.multiply_adds / self.per_second * 1e3


def multiply_adds(network: PixelNetwork, height: int, width: int) -> int:
    """Return the multiply-adds of all convolutions for one frame of height and width.

    The network runs on torch's device `meta`, which knows shapes alone and computes nothing.
    """
    shapes = copy.deepcopy(network).to("meta")
    counted = 0

    def count(layer: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += output.numel() * layer.weight[0].numel()

    for layer in shapes.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        shapes(torch.empty(1, height, width, 3, dtype=torch.uint8, device="meta"))
    return counted


def multiply_add_rate(device: torch.device, size: int = MATRIX_SIZE, runs: int = RUNS) -> float:
    """Return the multiply-adds per second of a float32 product of square matrices, best of runs.

    size: rows and columns.
    """
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, size, size, generator=generator).to(device)
    product = torch.empty_like(left)

    def multiply() -> None:
        torch.matmul(left, right, out=product)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return size**3 / min(timed(multiply)[1] for _ in range(runs))
