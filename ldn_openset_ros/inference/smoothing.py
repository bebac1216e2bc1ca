"""Gaussian smoothing of a score map (PEBAL, Tian et al. 2022)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

TRUNCATE = 3.0


def gaussian_kernel(sigma: float) -> Tensor:
    """Return a normalised 1-D kernel, float32 (2 * ceil(3 sigma) + 1,); sigma 1 gives 7 taps."""
    radius = max(1, math.ceil(TRUNCATE * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def smooth(score: Tensor, sigma: float) -> Tensor:
    """Convolve a float (H, W) map with a Gaussian, border replicated; sigma 0 returns it as is."""
    if sigma <= 0:
        return score
    kernel = gaussian_kernel(sigma).to(score)
    radius = len(kernel) // 2
    padded = functional.pad(score[None, None], [radius] * 4, mode="replicate")
    rows = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1))[0, 0]
