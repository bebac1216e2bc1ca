"""Dense classification heads on shared features (METHOD section 1)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ldn_openset_ros.nn.layers import norm_relu_conv

NUM_OUTLIER_CLASSES = 2
INLIER_CHANNEL, OUTLIER_CHANNEL = 0, 1


class HeadLogits(NamedTuple):
    """Logits of one pair of heads at the resolution of their features."""

    segmentation: Tensor
    """(N, C, h, w)"""
    outlier: Tensor | None
    """(N, 2, h, w), channel 0 inlier, 1 outlier; None without an outlier head."""


class Heads(nn.Module):
    """The C-way segmentation head and, where wanted, the two-way outlier head."""

    def __init__(self, in_channels: int, num_classes: int, outlier_head: bool = True) -> None:
        super().__init__()
        self.segmentation = norm_relu_conv(in_channels, num_classes, bias=True)
        self.outlier = (
            norm_relu_conv(in_channels, NUM_OUTLIER_CLASSES, bias=True) if outlier_head else None
        )
        for head in (self.segmentation, self.outlier):
            if head is not None:
                nn.init.xavier_normal_(head.conv.weight)
                nn.init.zeros_(head.conv.bias)

    def forward(self, features: Tensor) -> HeadLogits:
        """Map (N, in_channels, h, w) to both heads' logits."""
        outlier = None if self.outlier is None else self.outlier(features)
        return HeadLogits(self.segmentation(features), outlier)
