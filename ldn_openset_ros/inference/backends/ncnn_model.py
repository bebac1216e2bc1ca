"""A recorded network in ncnn's format: a text of layers and a file of weights.

Format: github.com/Tencent/ncnn, docs/developer-guide, `operators.md` and
`param-and-model-file-structure.md`.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ldn_openset_ros.inference.backends.contract import INPUT
from ldn_openset_ros.inference.backends.layer_graph import Layer, LayerGraph

MAGIC = 7767517
FLOAT32 = struct.pack("<I", 0)
"""Says, before the weights of a convolution, that they are plain float32."""


def output_name(number: int) -> str:
    """Return the name of the network's output of that number, from 0."""
    return f"logits{number}"


def write_ncnn(graph: LayerGraph, param: Path, weights: Path) -> None:
    """Write both files; the parameters hold for the size at which the graph was recorded."""
    param.write_text(ncnn_param(graph), encoding="ascii")
    with weights.open("wb") as file:
        for layer in graph.layers:
            for part in _WEIGHTS.get(layer.kind, lambda layer: ())(layer):
                file.write(part)


def ncnn_param(graph: LayerGraph) -> str:
    """Return the text of layers."""
    names = _BlobNames(graph)
    lines = [_line("Input", INPUT, [], [names.made(0)], {})]
    lines += names.split_line(0)
    for number, layer in enumerate(graph.layers):
        kind, settings = _DESCRIPTIONS[layer.kind](layer)
        inputs = [names.used(blob) for blob in layer.inputs]
        lines.append(_line(kind, f"layer{number}", inputs, [names.made(layer.output)], settings))
        lines += names.split_line(layer.output)
    return "\n".join([str(MAGIC), f"{len(lines)} {names.count}", *lines]) + "\n"


class _BlobNames:
    """ncnn wants a blob of its own for every use: a Split layer hands copies on."""

    def __init__(self, graph: LayerGraph) -> None:
        self._consumers = graph.consumers()
        self._outputs = {blob: output_name(n) for n, blob in enumerate(graph.outputs)}
        self._uses: dict[int, int] = defaultdict(int)
        self.count = sum(
            1 + (uses if uses > 1 else 0)
            for blob, uses in self._consumers.items()
            if blob in self._outputs or uses
        )

    def made(self, blob: int) -> str:
        """Return the name under which a blob is made."""
        if self._consumers[blob] == 1 and blob in self._outputs:
            return self._outputs[blob]
        return INPUT if blob == 0 else f"blob{blob}"

    def used(self, blob: int) -> str:
        """Return the name of the next use of a blob."""
        if self._consumers[blob] == 1:
            return self.made(blob)
        self._uses[blob] += 1
        return f"blob{blob}_{self._uses[blob]}"

    def split_line(self, blob: int) -> list[str]:
        """Return the line that copies a blob which is used more than once, if it is."""
        uses = self._consumers[blob]
        if uses < 2:
            return []
        copies = [f"blob{blob}_{number}" for number in range(1, uses + 1)]
        if blob in self._outputs:
            copies[-1] = self._outputs[blob]
        return [_line("Split", f"split{blob}", [self.made(blob)], copies, {})]


def _line(
    kind: str, name: str, inputs: list[str], outputs: list[str], settings: dict[int, Any]
) -> str:
    values = [f"{key}={value}" for key, value in settings.items()]
    return " ".join([kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs, *values])


def _convolution(layer: Layer) -> tuple[str, dict[int, Any]]:
    weight, groups = layer.weights["weight"], layer.settings["groups"]
    (stride_y, stride_x), (pad_y, pad_x) = layer.settings["stride"], layer.settings["padding"]
    left, right, top, bottom = layer.settings.get("surplus", (0, 0, 0, 0))
    settings = {
        0: weight.shape[0],
        1: weight.shape[3],
        11: weight.shape[2],
        3: stride_x,
        13: stride_y,
        4: pad_x + left,
        15: pad_x + right,
        14: pad_y + top,
        16: pad_y + bottom,
        5: int(layer.weights["bias"] is not None),
        6: weight.numel(),
    }
    activation = layer.settings.get("activation")
    if activation is not None and activation.kind == "relu":
        settings[9] = 1
    elif activation is not None:
        low, high = activation.settings["range"]
        settings |= {9: 3, -23310: f"2,{float(low)},{float(high)}"}
    if groups == 1:
        return "Convolution", settings
    return "ConvolutionDepthWise", settings | {7: groups}


def _convolution_weights(layer: Layer) -> Iterator[bytes]:
    yield FLOAT32
    yield _bytes(layer.weights["weight"])
    if layer.weights["bias"] is not None:
        yield _bytes(layer.weights["bias"])


def _batch_norm_weights(layer: Layer) -> Iterator[bytes]:
    for name in ("weight", "mean", "var", "bias"):
        yield _bytes(layer.weights[name])


def _pool(layer: Layer) -> tuple[str, dict[int, Any]]:
    (height, width), (stride_y, stride_x) = layer.settings["kernel"], layer.settings["stride"]
    pad_y, pad_x = layer.settings["padding"]
    return "Pooling", {
        0: int(layer.kind == "average_pool"),
        1: width,
        11: height,
        2: stride_x,
        12: stride_y,
        3: pad_x,
        13: pad_y,
        5: 1,  # the size is rounded down, as torch does
        6: int(layer.settings["count_include_pad"]),
    }


def _grid_pool(layer: Layer) -> tuple[str, dict[int, Any]]:
    rows, columns = layer.settings["size"]
    return "Pooling", {0: 1, 7: 1, 8: columns, 18: rows}


def _interpolate(layer: Layer) -> tuple[str, dict[int, Any]]:
    height, width = layer.settings["size"]
    return "Interp", {0: 2, 3: height, 4: width, 6: 0}


def _clip(layer: Layer) -> tuple[str, dict[int, Any]]:
    low, high = layer.settings["range"]
    return "Clip", {0: float(low), 1: float(high)}


def _pad(layer: Layer) -> tuple[str, dict[int, Any]]:
    left, right, top, bottom = layer.settings["pads"]
    return "Padding", {0: top, 1: bottom, 2: left, 3: right, 4: 0, 5: 0.0}


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy().astype("<f4").tobytes()


_DESCRIPTIONS: dict[str, Callable[[Layer], tuple[str, dict[int, Any]]]] = {
    "convolution": _convolution,
    "batch_norm": lambda layer: (
        "BatchNorm",
        {0: layer.weights["mean"].numel(), 1: layer.settings["eps"]},
    ),
    "relu": lambda layer: ("ReLU", {}),
    "clip": _clip,
    "pad": _pad,
    "max_pool": _pool,
    "average_pool": _pool,
    "grid_pool": _grid_pool,
    "interpolate": _interpolate,
    "concatenate": lambda layer: ("Concat", {0: 0}),
    "add": lambda layer: ("BinaryOp", {0: 0}),
}
_WEIGHTS: dict[str, Callable[[Layer], Iterator[bytes]]] = {
    "convolution": _convolution_weights,
    "batch_norm": _batch_norm_weights,
}
