"""Ladder-style upsampling in plain arithmetic."""

from __future__ import annotations

import torch
from torch.nn import functional

from ldn_openset_ros.nn.ladder import Ladder, UpsamplingModule


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_upsampling_module(randomise, norm_relu_conv_reference):
    module = randomise(UpsamplingModule(coarse_channels=4, skip_channels=5, out_channels=3))
    coarse, skip = random(2, 4, 3, 5), random(2, 5, 7, 9)

    projected = norm_relu_conv_reference(skip, module.bottleneck.norm, module.bottleneck.conv)
    summed = projected + functional.interpolate(
        coarse, (7, 9), mode="bilinear", align_corners=False
    )
    expected = norm_relu_conv_reference(summed, module.blend_conv.norm, module.blend_conv.conv)

    assert module.bottleneck.conv.weight.shape == (4, 5, 1, 1)
    assert module.blend_conv.conv.weight.shape == (3, 4, 3, 3)
    torch.testing.assert_close(module(coarse, skip), expected, atol=1e-5, rtol=1e-5)


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
