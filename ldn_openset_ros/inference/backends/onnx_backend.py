"""ONNX Runtime, on a CPU or, with its CUDA or TensorRT provider, on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.inference.backends.contract import INPUT
from ldn_openset_ros.inference.backends.frame_run import Run, run_frames
from ldn_openset_ros.inference.backends.libraries import import_library
from ldn_openset_ros.inference.backends.onnx_export import cached_onnx
from ldn_openset_ros.inference.backends.per_size import PerSize
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits

GPU_PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider")
CPU_PROVIDER = "CPUExecutionProvider"


class OnnxBackend:
    """Run the exported network by ONNX Runtime, in float32, frame by frame."""

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, network: PixelNetwork, device: torch.device) -> None:
        """Raises OpenSetError where the library, or its provider for a GPU, is not there."""
        import_library("onnxruntime", "backend onnxruntime")
        self._network = network
        self._providers = choose_providers(device)
        self._runs = PerSize(self._load)
        self.device = str(device)

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4, frame by frame."""
        logits = run_frames(self._runs.get(*pixels.shape[1:3]), pixels, self._network)
        return HeadLogits(*(None if head is None else head.to(self.device) for head in logits))

    def _load(self, height: int, width: int) -> Run:
        return open_onnx(cached_onnx(self._network, height, width), self._providers)


def choose_providers(device: torch.device) -> list[str | tuple[str, dict]]:
    """Return ONNX Runtime's providers for a device, best first.

    Raises OpenSetError where it was built for none of a GPU.
    """
    if device.type == "cpu":
        return [CPU_PROVIDER]
    runtime = import_library("onnxruntime", "backend onnxruntime")
    available = runtime.get_available_providers()
    chosen = [name for name in GPU_PROVIDERS if name in available]
    if not chosen:
        raise OpenSetError(
            f"backend onnxruntime has no provider for {device}: install onnxruntime-gpu, or "
            "choose device cpu or another backend"
        )
    return [(name, {"device_id": device.index or 0}) for name in chosen] + [CPU_PROVIDER]


def open_onnx(path: Path, providers: Sequence[str | tuple[str, dict]] = (CPU_PROVIDER,)) -> Run:
    """Return what runs a file of `export_onnx`; raises OpenSetError where it is refused."""
    runtime = import_library("onnxruntime", "backend onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(path, options, providers=list(providers))
    except Exception as error:  # its classes have no common base
        raise OpenSetError(
            f"ONNX Runtime refused {path}: {flat(error)}: remove the file, or choose another "
            "backend"
        ) from None
    wanted = [name for name, _ in (p for p in providers if isinstance(p, tuple))]
    if wanted and not set(wanted) & set(session.get_providers()):  # it falls back in silence
        raise OpenSetError(
            f"ONNX Runtime cannot start {' or '.join(wanted)} and would run on the CPU: check its "
            "CUDA libraries, or choose device cpu or another backend"
        )
    return lambda frame: [head[0] for head in session.run(None, {INPUT: frame[None]})]
