"""The network as files for other programs, and what runs those files here."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.folders import make_folder
from ldn_openset_ros.inference.backends.contract import CONTRACT_KEY, INPUT, contract
from ldn_openset_ros.inference.backends.frame_run import Run, run_frames
from ldn_openset_ros.inference.backends.libraries import import_library
from ldn_openset_ros.inference.backends.ncnn_backend import export_ncnn, open_ncnn
from ldn_openset_ros.inference.backends.onnx_backend import open_onnx
from ldn_openset_ros.inference.backends.onnx_export import export_onnx
from ldn_openset_ros.inference.backends.openvino_backend import open_openvino, quantised_file
from ldn_openset_ros.inference.backends.openvino_core import openvino_core
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import MIN_INPUT_SIZE

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "ncnn": ".param"}
"""Of each format's first file; the weights of the others lie beside it as `.bin`."""
FORMATS = tuple(SUFFIXES)


class ExportedBackend:
    """Run an exported file, of one size, as a backend, for comparison."""

    device = "cpu"

    def __init__(self, name: str, precision: str, run: Run, network: PixelNetwork) -> None:
        """name: of the format."""
        self.name, self.precision = name, precision
        self._run, self._network = run, network

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4, frame by frame."""
        return run_frames(self._run, pixels, self._network)


def export(
    network: PixelNetwork,
    format: str,
    height: int,
    width: int,
    path: Path,
    precision: str = "float32",
    folder: Path | None = None,
) -> dict[str, str]:
    """Write a network for one size of its input and return its contract.

    format: one of FORMATS. path: of the first file, with the format's suffix. precision: float32,
    or int8 for openvino, which takes what `ldn-openset quantise` left in `folder`. Raises
    OpenSetError for what is impossible, and where files cannot be written.
    """
    check(network, format, height, width, path, precision)
    make_folder(path.parent)
    text = contract(network, height, width)
    try:
        if format == "onnx":
            export_onnx(network, height, width, path)
        elif format == "openvino":
            _export_openvino(network, height, width, path, precision, folder)
        else:
            export_ncnn(network.simplified(), height, width, path)
            text |= ncnn_contract(network, height, width)
            path.with_suffix(".yaml").write_text(yaml.safe_dump(text, sort_keys=False, width=99))
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror or error}") from None
    return text


def check(
    network: PixelNetwork, format: str, height: int, width: int, path: Path, precision: str
) -> None:
    """Raise OpenSetError with the remedy for what cannot be exported."""
    if path.suffix != SUFFIXES[format]:
        raise OpenSetError(f"{path} is no name for {format}: give one with {SUFFIXES[format]}")
    if min(height, width) < MIN_INPUT_SIZE:
        raise OpenSetError(
            f"a network input of {width}x{height} is too small: give at least "
            f"{MIN_INPUT_SIZE}x{MIN_INPUT_SIZE}"
        )
    if precision == "int8" and format != "openvino":
        raise OpenSetError(f"{format} is not exported in int8: choose format openvino or float32")
    if not network.recognition.single_pass:
        raise OpenSetError(
            f"recognition {network.recognition.name} takes several passes and cannot be exported: "
            "choose a model that takes one"
        )


def open_exported(
    network: PixelNetwork, format: str, path: Path, precision: str = "float32"
) -> ExportedBackend:
    """Return what runs the file that `export` wrote; raises OpenSetError where it is refused."""
    if format == "onnx":
        run = open_onnx(path)
    elif format == "openvino":
        run = open_openvino(path, precision)
    else:
        run = open_ncnn(path, network)
    return ExportedBackend(format, precision, run, network)


def ncnn_contract(network: PixelNetwork, height: int, width: int) -> dict[str, str]:
    """Return what differs for ncnn's files: their input is normalised, their outputs numbered."""
    mean, std = (getattr(network, name).flatten().tolist() for name in ("mean", "std"))
    text = contract(network, height, width)
    names = ", ".join(f"logits{n} is {name}" for n, name in enumerate(network.head_names()))
    return {
        "input": f"blob {INPUT}: RGB, float32 (3, {height}, {width}), (value from 0 to 255 - mean)"
        f" / std with mean {mean} and std {std}; the size is fixed",
        "output": f"{names}: {text['output']}",
    }


def save_openvino(model, path: Path, text: Mapping[str, str]) -> None:
    """Write an OpenVINO model in its own precision, with a contract inside."""
    openvino = import_library("openvino", "the export to OpenVINO")
    for name, value in text.items():
        model.set_rt_info(value, [CONTRACT_KEY, name])
    try:
        openvino.save_model(model, path, compress_to_fp16=False)
    except RuntimeError:
        raise OpenSetError(f"cannot write {path}: choose a folder that can be written") from None


def _export_openvino(
    network: PixelNetwork,
    height: int,
    width: int,
    path: Path,
    precision: str,
    folder: Path | None,
) -> None:
    core = openvino_core()
    text = contract(network, height, width)
    if precision == "int8":
        source = quantised_file(network, folder, height, width)
        if source.resolve() == path.resolve():
            raise OpenSetError(f"{path} is the model's own file: choose another name")
        save_openvino(core.read_model(source), path, text)
        return
    with tempfile.TemporaryDirectory(prefix="ldn_export_") as temporary:
        source = Path(temporary) / "network.onnx"
        export_onnx(network, height, width, source)
        save_openvino(core.read_model(source), path, text)
