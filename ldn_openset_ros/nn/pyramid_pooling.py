"""Spatial pyramid pooling at the coarsest features (He et al. 2015; METHOD section 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldn_openset_ros.nn.layers import norm_relu_conv, upsample


def grid_size(rows: int, height: int, width: int) -> tuple[int, int]:
    """Return (rows, columns) of a pooling grid whose cells are about square."""
    return rows, max(1, round(rows * width / height))


class PyramidPooling(nn.Module):
    """Widen the field of view: features joined with their averages over coarse grids."""

    def __init__(
        self,
        in_channels: int,
        width: int = 512,
        level_width: int = 128,
        grid_rows: tuple[int, ...] = (8, 4, 2, 1),
    ) -> None:
        super().__init__()
        self.grid_rows = grid_rows
        self.reduce = norm_relu_conv(in_channels, width)
        self.levels = nn.ModuleList(norm_relu_conv(width, level_width) for _ in grid_rows)
        self.fuse = norm_relu_conv(width + len(grid_rows) * level_width, width)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, width, h, w)."""
        reduced = self.reduce(features)
        height, width = reduced.shape[-2:]
        parts = [reduced]
        for rows, level in zip(self.grid_rows, self.levels, strict=True):
            pooled = functional.adaptive_avg_pool2d(reduced, grid_size(rows, height, width))
            parts.append(upsample(level(pooled), (height, width)))
        return self.fuse(torch.cat(parts, 1))
