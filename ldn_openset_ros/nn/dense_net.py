"""DenseNet backbone (Huang et al. 2017), the variant of the paper's LDN (METHOD section 1)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from ldn_openset_ros.nn.gradient_checkpointing import RecomputableBlock
from ldn_openset_ros.nn.layers import BATCH_NORM_MOMENTUM, kaiming_init, norm_relu_conv

BOTTLENECK_FACTOR = 4


class DenseLayer(RecomputableBlock):
    """BN-ReLU-conv1x1 to 4 x growth maps, BN-ReLU-conv3x3 to `growth` maps."""

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        width = BOTTLENECK_FACTOR * growth
        self.norm1 = nn.BatchNorm2d(in_channels, momentum=BATCH_NORM_MOMENTUM)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width, momentum=BATCH_NORM_MOMENTUM)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, growth, 3, padding=1, bias=False)

    def compute(self, *features: Tensor) -> Tensor:
        """Return the (N, growth, h, w) new maps for maps (N, .., h, w), in_channels together.

        The concatenation is made here, so that gradient checkpointing need not keep it: one in
        every layer would take memory that grows with the square of the number of layers.
        """
        squeezed = self.conv1(self.relu1(self.norm1(torch.cat(features, 1))))
        return self.conv2(self.relu2(self.norm2(squeezed)))


class DenseBlock(nn.ModuleDict):
    """Layers that each see the concatenation of the block's input and all earlier layers."""

    def __init__(self, num_layers: int, in_channels: int, growth: int) -> None:
        super().__init__(
            {
                f"denselayer{index + 1}": DenseLayer(in_channels + index * growth, growth)
                for index in range(num_layers)
            }
        )
        self.out_channels = in_channels + num_layers * growth

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, in_channels + layers x growth, h, w): the input and all new maps."""
        maps = [features]
        for layer in self.values():
            maps.append(layer(*maps))
        return torch.cat(maps, 1)


class Transition(nn.Sequential):
    """BN-ReLU-conv1x1 to half the maps, 3x3 average pooling of stride 2 without the padding."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            *norm_relu_conv(in_channels, in_channels // 2),
            nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        )
        names = ("norm", "relu", "conv", "pool")
        self._modules = OrderedDict(zip(names, self._modules.values(), strict=True))


class DenseNet(nn.Module):
    """Feature extractor: maps of the four dense blocks at strides 4, 8, 16 and 32.

    `norm5` and the classifier of the ImageNet network are left out. `widths` are the numbers of
    maps that `forward` returns (256, 512, 1280, 1664 for DenseNet-169).
    """

    def __init__(self, stem: int, growth: int, layers: tuple[int, int, int, int]) -> None:
        super().__init__()
        features: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False),
            "norm0": nn.BatchNorm2d(stem, momentum=BATCH_NORM_MOMENTUM),
            "relu0": nn.ReLU(inplace=True),
            "pool0": nn.MaxPool2d(2, stride=2),
        }
        channels = stem
        widths = []
        for number, num_layers in enumerate(layers, start=1):
            block = DenseBlock(num_layers, channels, growth)
            features[f"denseblock{number}"] = block
            channels = block.out_channels
            widths.append(channels)
            if number < len(layers):
                features[f"transition{number}"] = Transition(channels)
                channels //= 2
        self.features = nn.ModuleDict(features)
        self.widths = tuple(widths)
        kaiming_init(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) normalised RGB to the block outputs, finest (stride 4) first."""
        outputs = []
        features = image
        for name, module in self.features.items():
            features = module(features)
            if name.startswith("denseblock"):
                outputs.append(features)
        return outputs


def densenet121() -> DenseNet:
    """Build DenseNet-121."""
    return DenseNet(64, 32, (6, 12, 24, 16))


def densenet161() -> DenseNet:
    """Build DenseNet-161."""
    return DenseNet(96, 48, (6, 12, 36, 24))


def densenet169() -> DenseNet:
    """Build DenseNet-169, the paper's backbone."""
    return DenseNet(64, 32, (6, 12, 32, 32))


def densenet201() -> DenseNet:
    """Build DenseNet-201."""
    return DenseNet(64, 32, (6, 12, 48, 32))
