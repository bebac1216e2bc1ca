"""int8 by post-training quantisation: NNCF, calibrated on frames."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.contract import contract
from ldn_openset_ros.inference.backends.export import save_openvino
from ldn_openset_ros.inference.backends.libraries import import_library, is_installed
from ldn_openset_ros.inference.backends.onnx_export import cached_onnx
from ldn_openset_ros.inference.backends.openvino_backend import quantised_name
from ldn_openset_ros.inference.backends.openvino_core import openvino_core
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork

LIBRARIES = ("openvino", "nncf", "onnx", "onnxscript")


def check_libraries() -> None:
    """Raise OpenSetError where `quantise` would miss a library; for before the frames are read."""
    for library in LIBRARIES:
        if not is_installed(library):
            import_library(library, "quantise")


def quantise(network: PixelNetwork, frames: Sequence[np.ndarray], folder: Path) -> Path:
    """Write a network in int8 for the size of frames into a model's folder; return the file.

    frames: uint8 (h, w, 3) RGB, of one size, the network's input; their activations give the
    scales. Weights are symmetric by channel, activations asymmetric, biases corrected for the
    mean error (NNCF's "mixed" preset). Raises OpenSetError where a library is absent and where the
    file cannot be written.
    """
    if not network.recognition.single_pass:
        raise OpenSetError(
            f"recognition {network.recognition.name} takes several passes and cannot be "
            "quantised: choose a model that takes one"
        )
    core = openvino_core()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts of NNCF that nobody needs
        nncf = import_library("nncf", "quantise")
        nncf.set_log_level(logging.ERROR)
        height, width = frames[0].shape[:2]
        model = core.read_model(cached_onnx(network, height, width))
        quantised = nncf.quantize(
            model,
            nncf.Dataset([frame[None] for frame in frames]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(frames),
        )
    path = folder / quantised_name(height, width)
    save_openvino(quantised, path, contract(network, height, width))
    return path
