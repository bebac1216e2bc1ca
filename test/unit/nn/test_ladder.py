"""Order of the upsampling modules; test_equivalence.py has their values."""

from __future__ import annotations

import torch

from ldn_openset_ros.nn.ladder import Ladder


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_ladder_goes_from_the_coarsest_skip_to_the_finest(randomise):
    ladder = randomise(Ladder(6, skip_channels=(2, 3, 4), widths=(5, 7, 8)))
    coarse = random(1, 6, 2, 2)
    skips = [random(1, 2, 16, 16), random(1, 3, 8, 8), random(1, 4, 4, 4)]

    features, inputs = ladder(coarse, skips)

    first, second, third = ladder.modules_coarse_to_fine
    stride_16 = first(coarse, skips[2])
    stride_8 = second(stride_16, skips[1])
    assert ladder.in_channels == (6, 5, 7)
    assert ladder.out_channels == 8
    torch.testing.assert_close(features, third(stride_8, skips[0]))
    for given, expected in zip(inputs, [coarse, stride_16, stride_8], strict=True):
        torch.testing.assert_close(given, expected)
