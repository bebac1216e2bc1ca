"""Compile the network for training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ldn_openset_ros.errors import OpenSetError, one_line


def compile_network(network: nn.Module) -> Callable[[Tensor], Any]:
    """Return the network's forward pass, compiled by torch.compile when it is first called.

    The network itself stays as it is, with the same weights; results are equal but for rounding
    and dropout masks. The first call raises OpenSetError where a compiler is missing.
    """
    # Here, for torch._dynamo takes seconds to import.
    from torch._dynamo.exc import BackendCompilerFailed

    compiled = torch.compile(network, dynamic=False)

    def forward(image: Tensor) -> Any:
        try:
            return compiled(image)
        except BackendCompilerFailed as error:
            raise OpenSetError(
                f"compile: {one_line(error.inner_exception)}: install a C++ compiler (g++, or "
                "CXX=...), or set compile to false"
            ) from None

    return forward
