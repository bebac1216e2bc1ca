"""PyTorch as it is, layer by layer: the reference of all other backends."""

from __future__ import annotations

import numpy as np
import torch

from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits


class TorchBackend:
    """Run the network eagerly, on a CPU or a GPU, in reduced precision by autocast."""

    name = "torch"

    def __init__(self, network: PixelNetwork, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network to the device; dtype other than float32 needs a GPU."""
        self._network = network.to(device)
        self._device = device
        self._dtype = dtype
        self.device = str(device)
        self.precision = str(dtype).removeprefix("torch.")

    @torch.inference_mode()
    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4."""
        batch = torch.from_numpy(pixels).to(self._device)
        reduced = self._dtype != torch.float32
        with torch.autocast(self._device.type, self._dtype, enabled=reduced):
            logits = self._network(batch)
        return as_float32(logits)


def as_float32(logits: HeadLogits) -> HeadLogits:
    """Return logits as float32, None as None."""
    return HeadLogits(*(None if tensor is None else tensor.float() for tensor in logits))
