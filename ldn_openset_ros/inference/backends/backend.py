"""What every backend answers."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ldn_openset_ros.nn.heads import HeadLogits


class Backend(Protocol):
    """A network ready to run; from one thread at a time."""

    name: str
    """As `backends.registry.BACKENDS` has it."""
    device: str
    """Where it runs, for example "cpu" or "cuda:0"; a torch device."""
    precision: str
    """The network's number format, for example "float32"."""

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4, on `device`.

        The first call for a size may take seconds. h and w are at least 32. Raises OpenSetError
        where this size cannot be run.
        """
