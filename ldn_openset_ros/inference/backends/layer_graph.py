"""A network's layers as a list, recorded while it runs: what a writer of another format needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ldn_openset_ros.errors import OpenSetError


@dataclass
class Layer:
    """One operation. Blobs are the feature maps between layers, by number; 0 is the input."""

    kind: str
    inputs: list[int]
    output: int
    settings: dict[str, Any] = field(default_factory=dict)
    """Numbers and tuples by the names of torch's arguments."""
    weights: dict[str, Tensor | None] = field(default_factory=dict)
    """Parameters and buffers by the names of torch's arguments."""


@dataclass(frozen=True)
class LayerGraph:
    """Layers in the order of their work, and what it came to.

    outputs: blobs of the network's outputs. values: those outputs, for a check.
    """

    layers: list[Layer]
    outputs: list[int]
    values: list[Tensor]

    def consumers(self) -> Counter[int]:
        """Return how often each blob is used, outputs of the network included."""
        used = Counter(self.outputs)
        for layer in self.layers:
            used.update(layer.inputs)
        return used


@torch.inference_mode()
def record_layers(network: Callable[[Tensor], tuple], image: Tensor) -> LayerGraph:
    """Run a network on (1, 3, h, w) and return its layers, activations joined to convolutions.

    Raises OpenSetError that names an operation which `Layer.kind` has no name for.
    """
    recorder = _Recorder(image)
    with recorder:
        values = [value for value in network(image) if value is not None]
    outputs = [recorder.blob_of(value) for value in values]
    return join_layers(LayerGraph(recorder.layers, outputs, values))


def join_layers(graph: LayerGraph) -> LayerGraph:
    """Make padding before, and ReLU after, a convolution part of it where nobody else uses it."""
    used = graph.consumers()
    makers: dict[int, Layer] = {}
    layers: list[Layer] = []
    for layer in graph.layers:
        before = makers.get(layer.inputs[0])
        alone = before is not None and used[layer.inputs[0]] == 1
        if alone and layer.kind in ("relu", "clip") and before.kind == "convolution":
            before.settings["activation"] = layer
            before.output = layer.output
            makers[layer.output] = before
            continue
        if alone and layer.kind == "convolution" and before.kind == "pad":
            layer.settings["surplus"] = before.settings["pads"]
            layer.inputs = before.inputs
            layers.remove(before)
        makers[layer.output] = layer
        layers.append(layer)
    return LayerGraph(layers, graph.outputs, graph.values)


class _Recorder(TorchFunctionMode):
    """Note every function of torch that maps feature maps to feature maps."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self._blobs = {id(image): 0}
        self._alive = [image]  # an id is only taken once while its tensor lives

    def blob_of(self, tensor: Tensor) -> int:
        return self._blobs[id(tensor)]

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        maps = [tensor for tensor in _tensors(args) if id(tensor) in self._blobs]
        inputs = [self.blob_of(tensor) for tensor in maps]
        result = function(*args, **kwargs)
        if not inputs or not isinstance(result, Tensor):
            return result
        describe = _OPERATIONS.get(function)
        if describe is None:
            name = getattr(function, "__name__", str(function))
            raise OpenSetError(f"the operation {name} cannot be exported: choose backend torch")
        layer = describe(*args, **kwargs)
        if layer is None:
            return result
        layer.inputs, layer.output = inputs, len(self._alive)
        # Where it worked in place, the tensor stands for the new blob from now on.
        self._blobs[id(result)] = layer.output
        self._alive.append(result)
        self.layers.append(layer)
        return result


def _tensors(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, (tuple, list)):
        return [tensor for value in values for tensor in _tensors(value)]
    return []


def _layer(kind: str, weights: dict[str, Tensor | None] | None = None, **settings: Any) -> Layer:
    return Layer(kind, [], -1, settings, weights or {})


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _convolution(image, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Layer:
    if _pair(dilation) != (1, 1):
        raise OpenSetError("a dilated convolution cannot be exported: choose backend torch")
    weights = {"weight": weight, "bias": bias}
    return _layer(
        "convolution", weights, stride=_pair(stride), padding=_pair(padding), groups=groups
    )


def _batch_norm(
    image, running_mean, running_var, weight, bias, training=False, momentum=0.1, eps=1e-5
) -> Layer:
    weights = {"mean": running_mean, "var": running_var, "weight": weight, "bias": bias}
    return _layer("batch_norm", weights, eps=eps)


def _pool(kind: str) -> Callable[..., Layer]:
    def describe(
        image, kernel_size, stride=None, padding=0, *others, count_include_pad=True, **kwargs
    ) -> Layer:
        # Positional in avg_pool2d: ceil_mode, count_include_pad.
        counts = others[1] if kind == "average_pool" and len(others) > 1 else count_include_pad
        return _layer(
            kind,
            kernel=_pair(kernel_size),
            stride=_pair(stride or kernel_size),
            padding=_pair(padding),
            count_include_pad=counts,
        )

    return describe


def _interpolate(image, size=None, scale_factor=None, mode="nearest", align_corners=None, **_):
    if size is None or mode != "bilinear" or align_corners:
        raise OpenSetError("this interpolation cannot be exported: choose backend torch")
    return _layer("interpolate", size=_pair(size))


def _concatenate(tensors, dim=0) -> Layer:
    if dim != 1:
        raise OpenSetError(
            "a concatenation of others than channels cannot be exported: choose backend torch"
        )
    return _layer("concatenate")


_OPERATIONS: dict[Callable, Callable[..., Layer | None]] = {
    torch.conv2d: _convolution,
    functional.batch_norm: _batch_norm,
    functional.relu: lambda *_, **__: _layer("relu"),
    functional.hardtanh: lambda image, min_val, max_val, inplace=False: _layer(
        "clip", range=(min_val, max_val)
    ),
    functional.dropout: lambda *_, **__: None,
    functional.pad: lambda image, pads, **_: _layer("pad", pads=tuple(pads)),
    functional.max_pool2d: _pool("max_pool"),
    functional.avg_pool2d: _pool("average_pool"),
    functional.adaptive_avg_pool2d: lambda image, output_size: _layer(
        "grid_pool", size=_pair(output_size)
    ),
    functional.interpolate: _interpolate,
    torch.cat: _concatenate,
    Tensor.add: lambda *_: _layer("add"),
}
"""What each function of torch is called here, and which of its arguments matter; None: nothing."""
