"""The whole network: backbone, pyramid pooling, ladder, heads (METHOD section 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn import dense_net, efficient_net_lite
from ldn_openset_ros.nn.heads import HeadLogits, Heads, SegmentationHead
from ldn_openset_ros.nn.ladder import Ladder
from ldn_openset_ros.nn.layers import kaiming_init
from ldn_openset_ros.nn.pyramid_pooling import PyramidPooling
from ldn_openset_ros.settings import FROZEN

MIN_INPUT_SIZE = 32
MAX_WIDTH = 1024
MAX_GRIDS, MAX_GRID_ROWS = 8, 64
"""Limits of what a file may ask for: a network is built before its weights are looked at."""

BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "densenet121": dense_net.densenet121,
    "densenet161": dense_net.densenet161,
    "densenet169": dense_net.densenet169,
    "densenet201": dense_net.densenet201,
    "efficientnet_lite0": efficient_net_lite.efficientnet_lite0,
    "efficientnet_lite1": efficient_net_lite.efficientnet_lite1,
    "efficientnet_lite2": efficient_net_lite.efficientnet_lite2,
}


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of the network; the defaults are the paper's LDN-169 for Cityscapes' classes."""

    backbone: str = "densenet169"
    num_classes: int = 19
    segmentation_head: SegmentationHead = "classes"
    outlier_head: bool = True
    pyramid_width: int = 512
    pyramid_level_width: int = 128
    pyramid_grid_rows: tuple[int, ...] = (8, 4, 2, 1)
    """Of the pooling grids, at least one."""
    ladder_widths: tuple[int, int, int] = (256, 256, 256)
    dropout: float = 0.0
    """Probability of dropout on the inputs of the ladder's modules."""

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise OpenSetError(
                f"unknown backbone {self.backbone!r}: choose one of {', '.join(BACKBONES)}"
            )
        if not 2 <= self.num_classes <= 254:
            raise OpenSetError(f"num_classes is {self.num_classes}: give 2 to 254")
        widths = (self.pyramid_width, self.pyramid_level_width, *self.ladder_widths)
        if len(self.ladder_widths) != 3 or min((*widths, *self.pyramid_grid_rows)) < 1:
            raise OpenSetError(
                "pyramid_width, pyramid_level_width, pyramid_grid_rows and the three "
                "ladder_widths must be at least 1"
            )
        if (
            max(widths) > MAX_WIDTH
            or len(self.pyramid_grid_rows) > MAX_GRIDS
            or max(self.pyramid_grid_rows, default=0) > MAX_GRID_ROWS
        ):
            raise OpenSetError(
                f"the network is too large: give widths up to {MAX_WIDTH} and up to {MAX_GRIDS} "
                f"pyramid_grid_rows up to {MAX_GRID_ROWS}"
            )
        if self.segmentation_head == "none" and not self.outlier_head:
            raise OpenSetError("the network has no head: give it a segmentation or outlier head")
        if not 0 <= self.dropout < 1:
            raise OpenSetError(f"dropout is {self.dropout}: give a value from 0 to below 1")


class NetworkOutput(NamedTuple):
    """Logits at stride 4 and, where there are auxiliary heads, at strides 32, 16 and 8."""

    main: HeadLogits
    auxiliary: tuple[HeadLogits, ...]


class OpenSetNetwork(nn.Module):
    """Features shared by a segmentation and an outlier head, in one forward pass."""

    def __init__(self, settings: NetworkSettings, auxiliary_heads: bool = False) -> None:
        """Auxiliary heads, for training, sit on the input of every upsampling module."""
        super().__init__()
        self.settings = settings
        self.backbone = BACKBONES[settings.backbone]()
        *skip_widths, top_width = self.backbone.widths
        self.pyramid_pooling = PyramidPooling(
            top_width,
            settings.pyramid_width,
            settings.pyramid_level_width,
            settings.pyramid_grid_rows,
        )
        self.ladder = Ladder(
            settings.pyramid_width, tuple(skip_widths), settings.ladder_widths, settings.dropout
        )
        kaiming_init(self.pyramid_pooling)
        kaiming_init(self.ladder)
        outputs = (settings.num_classes, settings.outlier_head, settings.segmentation_head)
        self.heads = Heads(self.ladder.out_channels, *outputs)
        self.auxiliary_heads = nn.ModuleList(
            Heads(width, *outputs)
            for width in (self.ladder.in_channels if auxiliary_heads else ())
        )

    def forward(self, image: Tensor) -> NetworkOutput:
        """Map (N, 3, H, W) normalised RGB, H and W at least 32, to logits."""
        return self.decode(self.encode(image))

    def encode(self, image: Tensor) -> list[Tensor]:
        """Return the backbone's features of normalised RGB, finest (stride 4) first."""
        height, width = image.shape[-2:]
        if min(height, width) < MIN_INPUT_SIZE:
            raise OpenSetError(
                f"a picture of {width}x{height} pixels is too small for the network: give at "
                f"least {MIN_INPUT_SIZE}x{MIN_INPUT_SIZE} or a larger `resolution`"
            )
        return self.backbone(image)

    def decode(self, backbone_features: list[Tensor]) -> NetworkOutput:
        """Map the backbone's features to logits."""
        *skips, top = backbone_features
        features, inputs = self.ladder(self.pyramid_pooling(top), skips)
        auxiliary = tuple(
            heads(coarse) for heads, coarse in zip(self.auxiliary_heads, inputs, strict=False)
        )
        return NetworkOutput(self.heads(features), auxiliary)
