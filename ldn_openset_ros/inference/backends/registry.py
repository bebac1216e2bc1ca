"""Backends by name, and which is best here."""

from __future__ import annotations

from pathlib import Path

import torch

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.backend import Backend
from ldn_openset_ros.inference.backends.compiled_backend import CompiledBackend
from ldn_openset_ros.inference.backends.cuda_graph_backend import CudaGraphBackend
from ldn_openset_ros.inference.backends.libraries import is_installed
from ldn_openset_ros.inference.backends.names import AUTO, BACKENDS, PRECISIONS, PRECISIONS_OF
from ldn_openset_ros.inference.backends.ncnn_backend import NcnnBackend
from ldn_openset_ros.inference.backends.onnx_backend import OnnxBackend
from ldn_openset_ros.inference.backends.openvino_backend import OpenVinoBackend
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.torch_backend import TorchBackend

BEST_ON_CPU = ("ncnn", "openvino", "torch")
"""Fastest first, as measured (doc/performance.md)."""


def make_backend(
    network: PixelNetwork, backend: str, precision: str, device: str, folder: Path | None = None
) -> Backend:
    """Return what runs a network; "auto" is the best that is installed and can do it.

    device: "auto", "cpu", "cuda" or "cuda:N". folder: the model's, for int8. Raises OpenSetError
    with the remedy for what is unknown, absent or does not go together.
    """
    chosen = choose_device(device)
    for name, value, known in (
        ("backend", backend, BACKENDS),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise OpenSetError(f"unknown {name} {value!r}: choose one of {', '.join(known)}")
    if backend == AUTO:
        backend = best_backend(network, precision, chosen)
    precision = choose_precision(backend, precision, chosen)
    if backend != "torch" and not network.recognition.single_pass:
        raise OpenSetError(
            f"backend {backend} cannot run recognition {network.recognition.name}, which takes "
            "several passes: choose backend torch"
        )
    if backend == "ncnn":
        return NcnnBackend(network)
    if backend == "openvino":
        return OpenVinoBackend(network, precision, folder)
    if backend == "onnxruntime":
        return OnnxBackend(network, chosen)
    kinds = {"torch": TorchBackend, "torch_compile": CompiledBackend}
    return kinds.get(backend, CudaGraphBackend)(network, chosen, getattr(torch, precision))


def best_backend(network: PixelNetwork, precision: str, device: torch.device) -> str:
    """Return the backend that "auto" stands for.

    On a GPU that is torch, until somebody has measured CUDA graphs there.
    """
    if device.type != "cpu" or not network.recognition.single_pass:
        return "torch"
    for name in BEST_ON_CPU:
        able = precision in (AUTO, *PRECISIONS_OF[name]["cpu"])
        if able and (name == "torch" or is_installed(name)):
            return name
    return "torch"


def choose_precision(backend: str, precision: str, device: torch.device) -> str:
    """Return the precision that "auto" stands for; raises OpenSetError for what is impossible."""
    able = PRECISIONS_OF[backend][device.type]
    if not able:
        raise OpenSetError(f"backend {backend} does not run on {device}: choose another backend")
    if precision == AUTO:
        return able[0]
    if precision not in able:
        raise OpenSetError(
            f"precision {precision!r} is not for backend {backend} on {device}: choose "
            f"{', '.join(able)}"
        )
    return precision


def choose_device(device: str) -> torch.device:
    """Return the torch device for "auto", "cpu", "cuda" or "cuda:N"; an absent one is an error."""
    if device == AUTO:
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise OpenSetError(f"unknown device {device!r}: choose auto, cpu or cuda:N") from None
    if chosen.type not in ("cpu", "cuda"):
        raise OpenSetError(f"device {device!r} is not supported: choose auto, cpu or cuda:N")
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise OpenSetError(
                f"device {device!r} is not there ({count} CUDA devices found): choose auto or cpu"
            )
    return chosen
