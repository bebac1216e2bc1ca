"""Pyramid pooling: grids, and the whole module in plain arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.nn.pyramid_pooling import PyramidPooling, grid_size


@pytest.mark.parametrize(
    ("height", "width", "grids"),
    [
        (16, 32, [(8, 16), (4, 8), (2, 4), (1, 2)]),
        (12, 15, [(8, 10), (4, 5), (2, 2), (1, 1)]),
        (16, 16, [(8, 8), (4, 4), (2, 2), (1, 1)]),
        (40, 10, [(8, 2), (4, 1), (2, 1), (1, 1)]),
    ],
)
def test_cells_are_about_square(height, width, grids):
    assert [grid_size(rows, height, width) for rows in (8, 4, 2, 1)] == grids


def cell_means(features: Tensor, rows: int, columns: int) -> Tensor:
    """Average over cells that overlap where the size is not divisible."""
    height, width = features.shape[-2:]
    means = features.new_zeros(*features.shape[:2], rows, columns)
    for row in range(rows):
        top, bottom = row * height // rows, -(-(row + 1) * height // rows)
        for column in range(columns):
            left, right = column * width // columns, -(-(column + 1) * width // columns)
            means[..., row, column] = features[..., top:bottom, left:right].mean(dim=(2, 3))
    return means


@torch.inference_mode()
def test_module(randomise, norm_relu_conv_reference):
    module = randomise(PyramidPooling(6, width=8, level_width=3, grid_rows=(4, 2, 1)))
    features = torch.randn(2, 6, 5, 9, generator=torch.Generator().manual_seed(0))

    reduced = norm_relu_conv_reference(features, module.reduce.norm, module.reduce.conv)
    parts = [reduced]
    for (rows, columns), level in zip([(4, 7), (2, 4), (1, 2)], module.levels, strict=True):
        pooled = cell_means(reduced, rows, columns)
        narrow = norm_relu_conv_reference(pooled, level.norm, level.conv)
        parts.append(functional.interpolate(narrow, (5, 9), mode="bilinear"))
    expected = norm_relu_conv_reference(torch.cat(parts, 1), module.fuse.norm, module.fuse.conv)

    assert expected.shape == (2, 8, 5, 9)
    torch.testing.assert_close(module(features), expected, atol=1e-5, rtol=1e-5)


def test_grids_may_be_finer_than_the_features():
    module = PyramidPooling(6, width=8, level_width=3).eval()

    assert module(torch.zeros(1, 6, 1, 1)).shape == (1, 8, 1, 1)
