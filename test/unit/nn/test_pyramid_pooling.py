"""Pyramid pooling: its grids; test_equivalence.py has the values."""

from __future__ import annotations

import pytest
import torch

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


def test_grids_may_be_finer_than_the_features():
    module = PyramidPooling(6, width=8, level_width=3).eval()

    assert module(torch.zeros(1, 6, 1, 1)).shape == (1, 8, 1, 1)


def test_other_grids_than_the_papers():
    module = PyramidPooling(6, width=8, level_width=3, grid_rows=(4, 1)).eval()
    seen = []
    for level in module.levels:
        level.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-2:]))

    assert module(torch.zeros(1, 6, 5, 9)).shape == (1, 8, 5, 9)
    assert seen == [(4, 7), (1, 2)]
    assert module.fuse.conv.in_channels == 8 + 2 * 3
