"""CUDA graphs: the whole network as one launch, channels last, in half precision if wished.

Written by PyTorch's documentation (CUDA semantics, "CUDA Graphs"); no GPU has run it here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.per_size import PerSize
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.torch_backend import as_float32
from ldn_openset_ros.nn.heads import HeadLogits

WARM_UP_RUNS = 3
"""Before the capture, so that libraries choose their algorithms and take their memory."""


class CudaGraphBackend:
    """Replay a captured graph a frame; a graph for each size."""

    name = "cuda_graphs"

    def __init__(self, network: PixelNetwork, device: torch.device, dtype: torch.dtype) -> None:
        """Move a simplified network to the GPU; raises OpenSetError for a CPU."""
        if device.type != "cuda":
            raise OpenSetError("backend cuda_graphs needs a CUDA device: choose another backend")
        self._network = network.simplified().to(device, memory_format=torch.channels_last)
        self._device = device
        self._dtype = dtype
        self._graphs = PerSize(self._capture)
        self.device = str(device)
        self.precision = str(dtype).removeprefix("torch.")

    @torch.inference_mode()
    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4, frame by frame."""
        replay = self._graphs.get(*pixels.shape[1:3])
        frames = [replay(torch.from_numpy(frame[None])) for frame in pixels]
        return HeadLogits(
            *(None if head[0] is None else torch.cat(head) for head in zip(*frames, strict=True))
        )

    @torch.inference_mode()
    def _capture(self, height: int, width: int) -> Callable[[torch.Tensor], HeadLogits]:
        """Return what runs a frame, uint8 (1, h, w, 3), of a size."""
        static = torch.zeros(1, height, width, 3, dtype=torch.uint8, device=self._device)
        side = torch.cuda.Stream(self._device)
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_RUNS):
                self._run(static)
        torch.cuda.current_stream(self._device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), torch.cuda.graph(graph):
            logits = self._run(static)

        def replay(frame: torch.Tensor) -> HeadLogits:
            static.copy_(frame)
            graph.replay()
            # The next replay writes into the same memory.
            return HeadLogits(*(None if head is None else head.clone() for head in logits))

        return replay

    def _run(self, pixels: torch.Tensor) -> HeadLogits:
        # Weights that autocast keeps would lie in the graph's memory: it must not keep any.
        reduced = self._dtype != torch.float32
        with torch.autocast("cuda", self._dtype, enabled=reduced, cache_enabled=False):
            return as_float32(self._network(pixels))
