"""torch.compile: PyTorch's own compiler, which needs a C++ compiler where it runs."""

from __future__ import annotations

import shutil

import numpy as np
import torch

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.torch_backend import TorchBackend
from ldn_openset_ros.nn.heads import HeadLogits

CPP_COMPILERS = ("g++", "clang++", "c++")


class CompiledBackend(TorchBackend):
    """Run the simplified network compiled, a compilation for each size and number of frames.

    torch keeps what it compiled in `TORCHINDUCTOR_CACHE_DIR` for the next process.
    """

    name = "torch_compile"

    def __init__(self, network: PixelNetwork, device: torch.device, dtype: torch.dtype) -> None:
        """Prepare it; raises OpenSetError where there is no C++ compiler."""
        if not any(shutil.which(compiler) for compiler in CPP_COMPILERS):
            raise OpenSetError(
                "backend torch_compile needs a C++ compiler: install g++ or choose another backend"
            )
        super().__init__(network.simplified(), device, dtype)
        self._network = torch.compile(
            self._network.to(memory_format=torch.channels_last), dynamic=False
        )

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4."""
        try:
            return super().infer(pixels)
        except torch._dynamo.exc.BackendCompilerFailed as error:
            raise OpenSetError(
                f"torch.compile failed: {flat(error)}: choose another backend"
            ) from None
