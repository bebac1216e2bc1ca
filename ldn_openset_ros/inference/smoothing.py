"""Smoothing of score maps: Gaussian (PEBAL, Tian et al. 2022), at boundaries (SML, Jung 2021)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

TRUNCATE = 3.0
LIMIT = 50.0
"""Bound of log-odds before they are averaged: an infinite one would spread."""
DILATION = 6
"""Spacing in pixels of the Gaussian's taps after boundary suppression (SML)."""


def gaussian_kernel(sigma: float) -> Tensor:
    """Return a normalised 1-D kernel, float32 (2 * ceil(3 sigma) + 1,); sigma 1 gives 7 taps."""
    radius = max(1, math.ceil(TRUNCATE * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def smooth(score: Tensor, sigma: float, dilation: int = 1) -> Tensor:
    """Convolve a float (H, W) map with a Gaussian, border replicated; sigma 0 returns it as is.

    sigma: in taps, which lie `dilation` pixels apart. Values are first clipped to -50 and 50.
    """
    if sigma <= 0:
        return score
    kernel = gaussian_kernel(sigma).to(score)
    radius = len(kernel) // 2 * dilation
    clipped = score.clamp(-LIMIT, LIMIT)[None, None]
    padded = functional.pad(clipped, [radius] * 4, mode="replicate")
    rows = functional.conv2d(padded, kernel.view(1, 1, -1, 1), dilation=(dilation, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, -1), dilation=(1, dilation))[0, 0]


def suppress_boundaries(score: Tensor, labels: Tensor, width: int) -> Tensor:
    """Replace the scores near class boundaries by those beside them, from outside inwards.

    score: float (H, W); labels: uint8 (H, W) predicted ids; width: pixels on either side of a
    boundary. Each round narrows the band by a pixel and fills what it leaves with the mean of its
    3x3 neighbours outside the band (SML, section 3.3).
    """
    for radius in range(width, 0, -1):
        outside = (~near_boundary(labels, radius)).to(score)
        total, count = (
            functional.avg_pool2d(values[None, None], 3, 1, 1)[0, 0]
            for values in (score * outside, outside)
        )
        filled = total / count.clamp(min=torch.finfo(count.dtype).tiny)
        score = torch.where((outside == 0) & (count > 0), filled, score)
    return score


def near_boundary(labels: Tensor, radius: int) -> Tensor:
    """Return where another class lies within `radius` pixels (rows and columns), bool (H, W)."""
    values = labels[None, None].to(torch.float32)
    window = 2 * radius + 1
    highest = functional.max_pool2d(values, window, 1, radius)
    lowest = -functional.max_pool2d(-values, window, 1, radius)
    return (highest != lowest)[0, 0]
