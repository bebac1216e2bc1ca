"""The pre-activated convolution that the ladder is built of, and its initialisation."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

BATCH_NORM_MOMENTUM = 0.01


def norm_relu_conv(
    in_channels: int, out_channels: int, kernel_size: int = 1, bias: bool = False
) -> nn.Sequential:
    """Build BN-ReLU-convolution that keeps the spatial size, modules `norm`, `relu`, `conv`."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(in_channels, momentum=BATCH_NORM_MOMENTUM),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(
                in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias
            ),
        )
    )


def upsample(features: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, h, w) bilinearly to (height, width), pixel centres aligned."""
    return functional.interpolate(features, size=size, mode="bilinear", align_corners=False)


def kaiming_init(module: nn.Module) -> None:
    """Draw every convolution below `module` from Kaiming's normal distribution, biases zero."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, nonlinearity="relu")
            if child.bias is not None:
                nn.init.zeros_(child.bias)
