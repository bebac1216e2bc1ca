"""The authors' network from its state dict, in NumPy: an account that shares no code with ours.

`semseg_od_state` makes a state dict under the authors' names, filled with random numbers. The
other functions compute with it in float64 from its definition (METHOD section 1): sums over kernel
offsets, cell means by slicing, bilinear weights written out. No torch operation is used.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

StateDict = dict[str, Tensor]

DENSENETS = {
    "densenet121": (64, 32, (6, 12, 24, 16)),
    "densenet161": (96, 48, (6, 12, 36, 24)),
    "densenet169": (64, 32, (6, 12, 32, 32)),
    "densenet201": (64, 32, (6, 12, 48, 32)),
}
"""Stem width, growth and layers of the blocks."""

ROOT = "feature_extractor"
BACKBONE = f"{ROOT}.backbone.features."
BATCH_NORM_EPS = 1e-5


class Layout:
    """Collects a foreign state dict of random tensors."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(5)
        self.state: StateDict = {}

    def norm(self, name: str, width: int) -> None:
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            values = torch.randn(width, generator=self.generator) * 0.2
            self.state[f"{name}.{leaf}"] = values.abs() + 0.5 if "var" in leaf else values
        self.state[f"{name}.weight"] += 1
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(1000)

    def conv(self, name: str, inputs: int, outputs: int, kernel: int, bias: bool = False) -> None:
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=self.generator)
        self.state[f"{name}.weight"] = weight * (1 / (inputs * kernel * kernel)) ** 0.5
        if bias:
            self.state[f"{name}.bias"] = torch.randn(outputs, generator=self.generator)

    def norm_conv(self, name: str, inputs: int, outputs: int, kernel: int = 1, bias=False) -> None:
        self.norm(f"{name}.norm", inputs)
        self.conv(f"{name}.conv", inputs, outputs, kernel, bias)

    def densenet(self, prefix: str, stem: int, growth: int, blocks: tuple[int, ...]) -> int:
        """Add a backbone without norm5; return its last width."""
        self.conv(f"{prefix}conv0", 3, stem, 7)
        self.norm(f"{prefix}norm0", stem)
        width = stem
        for block, layers in enumerate(blocks, start=1):
            for layer in range(1, layers + 1):
                name = f"{prefix}denseblock{block}.denselayer{layer}"
                self.norm(f"{name}.norm1", width)
                self.conv(f"{name}.conv1", width, 4 * growth, 1)
                self.norm(f"{name}.norm2", 4 * growth)
                self.conv(f"{name}.conv2", 4 * growth, growth, 3)
                width += growth
            if block < len(blocks):
                self.norm_conv(f"{prefix}transition{block}", width, width // 2)
                width //= 2
        return width


def semseg_od_state(
    num_classes: int = 19, two_heads: bool = True, widths=(256, 256, 128)
) -> StateDict:
    """Return a state dict as the authors' training code saves it."""
    layout = Layout()
    top = layout.densenet(BACKBONE, *DENSENETS["densenet169"])
    layout.norm_conv(f"{ROOT}.spp.spp.spp_bn", top, 512)
    for level in range(4):
        layout.norm_conv(f"{ROOT}.spp.spp.spp{level}", 512, 128)
    layout.norm_conv(f"{ROOT}.spp.spp.spp_fuse", 1024, 512)
    coarse = 512
    for index, (skip, width) in enumerate(zip((1280, 512, 256), widths, strict=True)):
        name = f"{ROOT}.upsample_layers.upsample_{index}"
        layout.norm_conv(f"{name}.bottleneck", skip, coarse)
        layout.norm_conv(f"{name}.blend_conv", coarse, width, 3)
        layout.norm_conv(f"aux_logits.upsample_{index}", coarse, num_classes, bias=True)
        if two_heads:
            layout.norm_conv(f"aux_logits_ood.upsample_{index}", coarse, 2, bias=True)
        coarse = width
    layout.norm_conv("logits", coarse, num_classes, bias=True)
    if two_heads:
        layout.norm_conv("logits_conf", coarse, 2, bias=True)
    return layout.state


def numbers(state: StateDict, name: str) -> np.ndarray:
    return state[name].numpy().astype(np.float64)


def norm_relu(x: np.ndarray, state: StateDict, name: str) -> np.ndarray:
    mean, variance, weight, bias = (
        numbers(state, f"{name}.{leaf}")[:, None, None]
        for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    return np.maximum((x - mean) / np.sqrt(variance + BATCH_NORM_EPS) * weight + bias, 0)


def convolve(x: np.ndarray, state: StateDict, name: str, stride: int = 1) -> np.ndarray:
    """Return the convolution padded by half the kernel: a sum over the kernel's offsets."""
    kernel = numbers(state, f"{name}.weight")
    size = kernel.shape[-1]
    rows, columns = (-(-side // stride) for side in x.shape[-2:])
    padded = np.pad(x, ((0, 0), (0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    out = np.zeros((len(x), len(kernel), rows, columns))
    for i in range(size):
        for j in range(size):
            moved = padded[:, :, i : i + rows * stride, j : j + columns * stride]
            seen = moved[:, :, ::stride, ::stride]
            out += np.einsum("oc,nchw->nohw", kernel[:, :, i, j], seen, optimize=True)
    if f"{name}.bias" in state:
        out += numbers(state, f"{name}.bias")[:, None, None]
    return out


def norm_relu_conv(x: np.ndarray, state: StateDict, name: str) -> np.ndarray:
    return convolve(norm_relu(x, state, f"{name}.norm"), state, f"{name}.conv")


def stem(image: np.ndarray, state: StateDict, prefix: str = BACKBONE) -> np.ndarray:
    """Return 7x7 convolution of stride 2, BN, ReLU, and the maximum of every 2x2 window."""
    x = norm_relu(convolve(image, state, f"{prefix}conv0", stride=2), state, f"{prefix}norm0")
    rows, columns = (side // 2 * 2 for side in x.shape[-2:])
    corners = [x[:, :, i:rows:2, j:columns:2] for i in (0, 1) for j in (0, 1)]
    return np.maximum.reduce(corners)


def dense_layer(x: np.ndarray, state: StateDict, name: str) -> np.ndarray:
    squeezed = convolve(norm_relu(x, state, f"{name}.norm1"), state, f"{name}.conv1")
    return convolve(norm_relu(squeezed, state, f"{name}.norm2"), state, f"{name}.conv2")


def transition(x: np.ndarray, state: StateDict, name: str) -> np.ndarray:
    """Return BN-ReLU-conv1x1 and the mean over 3x3 windows at every other pixel."""
    x = norm_relu_conv(x, state, name)
    rows, columns = (-(-side // 2) for side in x.shape[-2:])
    out = np.zeros((*x.shape[:2], rows, columns))
    for row in range(rows):
        for column in range(columns):
            # What lies beyond the border is no part of the mean.
            top, left = max(2 * row - 1, 0), max(2 * column - 1, 0)
            window = x[:, :, top : 2 * row + 2, left : 2 * column + 2]
            out[:, :, row, column] = window.mean(axis=(2, 3))
    return out


def densenet(image: np.ndarray, state: StateDict, prefix: str, blocks) -> list[np.ndarray]:
    """Return the outputs of the blocks, finest first."""
    x = stem(image, state, prefix)
    outputs = []
    for block, layers in enumerate(blocks, start=1):
        for layer in range(1, layers + 1):
            new = dense_layer(x, state, f"{prefix}denseblock{block}.denselayer{layer}")
            x = np.concatenate([x, new], axis=1)
        outputs.append(x)
        if block < len(blocks):
            x = transition(x, state, f"{prefix}transition{block}")
    return outputs


def bilinear_weights(given: int, wanted: int) -> np.ndarray:
    """Return the (wanted, given) weights of linear interpolation between pixel centres."""
    weights = np.zeros((wanted, given))
    for index in range(wanted):
        position = min(max((index + 0.5) * given / wanted - 0.5, 0), given - 1)
        below = int(position)
        above = min(below + 1, given - 1)
        weights[index, below] += 1 - (position - below)
        weights[index, above] += position - below
    return weights


def upsample(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    vertical = bilinear_weights(x.shape[-2], rows)
    horizontal = bilinear_weights(x.shape[-1], columns)
    return np.einsum("ih,nchw,jw->ncij", vertical, x, horizontal, optimize=True)


def cell_means(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return averages over a grid; its cells overlap where the size is not divisible."""
    height, width = x.shape[-2:]
    means = np.zeros((*x.shape[:2], rows, columns))
    for row in range(rows):
        top, bottom = row * height // rows, -(-(row + 1) * height // rows)
        for column in range(columns):
            left, right = column * width // columns, -(-(column + 1) * width // columns)
            means[:, :, row, column] = x[:, :, top:bottom, left:right].mean(axis=(2, 3))
    return means


def pyramid_pooling(x: np.ndarray, state: StateDict) -> np.ndarray:
    x = norm_relu_conv(x, state, f"{ROOT}.spp.spp.spp_bn")
    height, width = x.shape[-2:]
    parts = [x]
    for level, rows in enumerate((8, 4, 2, 1)):
        pooled = cell_means(x, rows, max(1, round(rows * width / height)))
        narrow = norm_relu_conv(pooled, state, f"{ROOT}.spp.spp.spp{level}")
        parts.append(upsample(narrow, height, width))
    return norm_relu_conv(np.concatenate(parts, axis=1), state, f"{ROOT}.spp.spp.spp_fuse")


def upsampling_module(
    coarse: np.ndarray, skip: np.ndarray, state: StateDict, index: int
) -> np.ndarray:
    name = f"{ROOT}.upsample_layers.upsample_{index}"
    projected = norm_relu_conv(skip, state, f"{name}.bottleneck")
    summed = projected + upsample(coarse, *projected.shape[-2:])
    return norm_relu_conv(summed, state, f"{name}.blend_conv")


def semseg_od(image: np.ndarray, state: StateDict) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the class logits and, with two heads, the outlier logits, at stride 4."""
    *skips, x = densenet(image, state, BACKBONE, DENSENETS["densenet169"][2])
    x = pyramid_pooling(x, state)
    for index, skip in enumerate(reversed(skips)):
        x = upsampling_module(x, skip, state, index)
    has_outlier_head = "logits_conf.conv.weight" in state
    outlier = norm_relu_conv(x, state, "logits_conf") if has_outlier_head else None
    return norm_relu_conv(x, state, "logits"), outlier
