"""Ladder-style upsampling (Krešo, Šegvić, Krapac 2017; METHOD section 1)."""

from __future__ import annotations

from torch import Tensor, nn

from ldn_openset_ros.nn.layers import norm_relu_conv, upsample


class UpsamplingModule(nn.Module):
    """Sum the upsampled coarse features with the projected skip, then blend by 3x3."""

    def __init__(self, coarse_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.bottleneck = norm_relu_conv(skip_channels, coarse_channels)
        self.blend_conv = norm_relu_conv(coarse_channels, out_channels, kernel_size=3)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Map (N, coarse, h, w) and (N, skip, H, W) to (N, out, H, W)."""
        projected = self.bottleneck(skip)
        return self.blend_conv(projected + upsample(coarse, projected.shape[-2:]))


class Ladder(nn.Module):
    """One upsampling module per skip, from the coarsest to the finest."""

    def __init__(
        self,
        coarse_channels: int,
        skip_channels: tuple[int, ...],
        widths: tuple[int, ...],
        dropout: float = 0.0,
    ) -> None:
        """`skip_channels` are given finest first, `widths` in the order of the modules.

        dropout: probability that a value of any module's input is zeroed in training.
        """
        super().__init__()
        self.in_channels = (coarse_channels, *widths[:-1])
        self.out_channels = widths[-1]
        self.dropout = nn.Dropout(dropout)
        self.modules_coarse_to_fine = nn.ModuleList(
            UpsamplingModule(coarse, skip, out)
            for coarse, skip, out in zip(
                self.in_channels, reversed(skip_channels), widths, strict=True
            )
        )

    def forward(self, coarse: Tensor, skips: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the finest features and the input of every module, coarsest first."""
        inputs = []
        features = coarse
        for module, skip in zip(self.modules_coarse_to_fine, reversed(skips), strict=True):
            features = self.dropout(features)
            inputs.append(features)
            features = module(features, skip)
        return features, inputs
