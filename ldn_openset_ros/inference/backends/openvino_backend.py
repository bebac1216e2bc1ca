"""OpenVINO on a CPU: float32, bfloat16, or int8 after quantisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.inference.backends.cache import cache_folder, fingerprint
from ldn_openset_ros.inference.backends.contract import CONTRACT_KEY, WEIGHTS
from ldn_openset_ros.inference.backends.frame_run import Run, run_frames
from ldn_openset_ros.inference.backends.libraries import import_library
from ldn_openset_ros.inference.backends.onnx_export import cached_onnx
from ldn_openset_ros.inference.backends.openvino_core import openvino_core
from ldn_openset_ros.inference.backends.per_size import PerSize
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits

HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""What layers compute in, by precision; those that are quantised say so themselves."""


class OpenVinoBackend:
    """Run the exported network by OpenVINO, frame by frame, with as many threads as torch has."""

    name = "openvino"
    device = "cpu"

    def __init__(self, network: PixelNetwork, precision: str, folder: Path | None = None) -> None:
        """Prepare it; raises OpenSetError where OpenVINO or the CPU cannot.

        folder: the model's, where int8 looks for what `ldn-openset quantise` wrote.
        """
        import_library("openvino", "backend openvino")
        if precision == "bfloat16" and not computes_bfloat16():
            raise OpenSetError(
                "this CPU computes no bfloat16: choose precision float32, or int8 after "
                "`ldn-openset quantise`"
            )
        self._network = network
        self._folder = folder
        self._runs = PerSize(self._load)
        self.precision = precision

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4, frame by frame."""
        return run_frames(self._runs.get(*pixels.shape[1:3]), pixels, self._network)

    def _load(self, height: int, width: int) -> Run:
        if self.precision == "int8":
            path = quantised_file(self._network, self._folder, height, width)
        else:
            path = cached_onnx(self._network, height, width)
        return open_openvino(path, self.precision)


def computes_bfloat16() -> bool:
    """Return whether the CPU does; on another, OpenVINO would take float32 without a word."""
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def open_openvino(path: Path, precision: str = "float32") -> Run:
    """Return what runs an ONNX or OpenVINO file of one size.

    What OpenVINO compiles is kept in the cache. Raises OpenSetError where it refuses the file.
    """
    settings = {
        "CACHE_DIR": str(cache_folder() / "openvino"),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    try:
        compiled = openvino_core().compile_model(path, "CPU", settings)
    except RuntimeError as error:
        raise _refused(path, error) from None
    request = compiled.create_infer_request()

    def run(frame: np.ndarray) -> list[np.ndarray]:
        results = request.infer([np.ascontiguousarray(frame[None])], share_inputs=True)
        return [results[number][0] for number in range(len(results))]

    return run


def quantised_name(height: int, width: int) -> str:
    """Return the name, in a model's folder, of its network in int8 for a size."""
    return f"int8_{width}x{height}.xml"


def quantised_file(network: PixelNetwork, folder: Path | None, height: int, width: int) -> Path:
    """Return the file in int8 for a size of a network.

    Raises OpenSetError where nobody has made it, and where it was made from other weights.
    """
    path = Path(folder or ".") / quantised_name(height, width)
    if not path.is_file():
        raise OpenSetError(
            f"there is no {path}, which precision int8 needs for a network input of "
            f"{width}x{height}: make it with `ldn-openset quantise`, or choose another precision"
        )
    try:
        model = openvino_core().read_model(path)
    except RuntimeError as error:
        raise _refused(path, error) from None
    key = [CONTRACT_KEY, WEIGHTS]
    if not model.has_rt_info(key) or model.get_rt_info(key).value != fingerprint(network):
        raise OpenSetError(
            f"{path} was not made from the weights beside it: make it anew with `ldn-openset "
            "quantise`, or choose another precision"
        )
    return path


def _refused(path: Path, error: RuntimeError) -> OpenSetError:
    return OpenSetError(
        f"OpenVINO refused {path}: {flat(error)}: remove the file, or choose another backend"
    )
