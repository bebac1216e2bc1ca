"""Dense classification heads on shared features (METHOD section 1)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor, nn

from ldn_openset_ros.nn.layers import norm_relu_conv, upsample

NUM_OUTLIER_CLASSES = 2
INLIER_CHANNEL, OUTLIER_CHANNEL = 0, 1

SegmentationHead = Literal["classes", "classes_and_outlier", "none"]
"""C logits, C + 1 logits of which the last is the outlier's, or no such head."""


class HeadLogits(NamedTuple):
    """Logits of one pair of heads at the resolution of their features."""

    segmentation: Tensor | None
    """(N, C, h, w), or C + 1 maps with an outlier class; None without a segmentation head."""
    outlier: Tensor | None
    """(N, 2, h, w), channel 0 inlier, 1 outlier; None without an outlier head."""


class Heads(nn.Module):
    """The segmentation head and the two-way outlier head, or one of them."""

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        outlier_head: bool = True,
        segmentation_head: SegmentationHead = "classes",
    ) -> None:
        super().__init__()
        self.segmentation = (
            None
            if segmentation_head == "none"
            else norm_relu_conv(
                in_channels, num_classes + (segmentation_head == "classes_and_outlier"), bias=True
            )
        )
        self.outlier = (
            norm_relu_conv(in_channels, NUM_OUTLIER_CLASSES, bias=True) if outlier_head else None
        )
        for head in (self.segmentation, self.outlier):
            if head is not None:
                nn.init.xavier_normal_(head.conv.weight)
                nn.init.zeros_(head.conv.bias)

    def forward(self, features: Tensor) -> HeadLogits:
        """Map (N, in_channels, h, w) to the heads' logits."""
        return HeadLogits(
            None if self.segmentation is None else self.segmentation(features),
            None if self.outlier is None else self.outlier(features),
        )


def upsample_logits(logits: HeadLogits, size: tuple[int, int]) -> HeadLogits:
    """Resize all logits bilinearly to (height, width)."""
    return HeadLogits(*(None if tensor is None else upsample(tensor, size) for tensor in logits))
