"""What runs one frame of one size, as files of other frameworks do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits

Run = Callable[[np.ndarray], list[np.ndarray]]
"""From a frame, uint8 (h, w, 3) RGB, to each head's logits, float32 (channels, h/4, w/4)."""


def run_frames(run: Run, pixels: np.ndarray, network: PixelNetwork) -> HeadLogits:
    """Run frames, uint8 (N, h, w, 3), one by one and put their logits together, on the CPU."""
    heads = zip(*(run(frame) for frame in pixels), strict=True)
    return network.heads([torch.from_numpy(np.stack(head)) for head in heads])
