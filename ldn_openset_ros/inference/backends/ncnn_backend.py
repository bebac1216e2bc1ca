"""ncnn on a CPU: its Winograd convolutions take fewer multiplications than a matrix product."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.contract import INPUT
from ldn_openset_ros.inference.backends.frame_run import Run, run_frames
from ldn_openset_ros.inference.backends.layer_graph import record_layers
from ldn_openset_ros.inference.backends.libraries import import_library
from ldn_openset_ros.inference.backends.ncnn_model import output_name, write_ncnn
from ldn_openset_ros.inference.backends.per_size import PerSize
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits

REDUCED = ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage")
"""Options of ncnn that trade exactness for speed."""

OUT_OF_MEMORY = -100
"""What ncnn's layers return where they get no memory."""


class NcnnBackend:
    """Run the network by ncnn, in float32, with as many threads as torch has."""

    name = "ncnn"
    device = "cpu"
    precision = "float32"

    def __init__(self, network: PixelNetwork) -> None:
        """Take the network; raises OpenSetError where ncnn is not installed."""
        import_library("ncnn", "backend ncnn")
        self._network = network.simplified()
        self._runs = PerSize(self._load)

    def infer(self, pixels: np.ndarray) -> HeadLogits:
        """Map RGB pixels, uint8 (N, h, w, 3), to float32 logits at stride 4, frame by frame."""
        return run_frames(self._runs.get(*pixels.shape[1:3]), pixels, self._network)

    def _load(self, height: int, width: int) -> Run:
        with tempfile.TemporaryDirectory(prefix="ldn_ncnn_") as folder:
            param = Path(folder, "network.param")
            export_ncnn(self._network, height, width, param)
            return open_ncnn(param, self._network)


def export_ncnn(network: PixelNetwork, height: int, width: int, param: Path) -> None:
    """Write a simplified network for a size as `param` and, beside it, its weights, `.bin`."""
    image = torch.zeros(1, 3, height, width)
    graph = record_layers(lambda image: network.network(image).main, image)
    write_ncnn(graph, param, param.with_suffix(".bin"))


def open_ncnn(param: Path, network: PixelNetwork) -> Run:
    """Return what runs the files of `export_ncnn`; raises OpenSetError where ncnn refuses them.

    network: for its normalisation and its heads.
    """
    ncnn = import_library("ncnn", "backend ncnn")
    net = ncnn.Net()
    net.opt.num_threads = torch.get_num_threads()
    net.opt.use_vulkan_compute = False
    for option in REDUCED:
        setattr(net.opt, f"use_{option}", False)
    if net.load_param(str(param)) or net.load_model(str(param.with_suffix(".bin"))):
        raise OpenSetError(f"ncnn refused {param}: choose another backend")
    mean = network.mean.flatten().tolist()
    scale = (1 / network.std.flatten()).tolist()
    names = [output_name(number) for number in range(len(network.head_names()))]

    def run(frame: np.ndarray) -> list[np.ndarray]:
        height, width = frame.shape[:2]
        rgb = ncnn.Mat.PixelType.PIXEL_RGB
        image = ncnn.Mat.from_pixels(np.ascontiguousarray(frame), rgb, width, height)
        image.substract_mean_normalize(mean, scale)
        extractor = net.create_extractor()
        extractor.input(INPUT, image)
        logits = []
        for name in names:
            code, blob = extractor.extract(name)
            if code:
                remedy = "lower the resolution or " if code == OUT_OF_MEMORY else ""
                raise OpenSetError(
                    f"ncnn failed on a picture of {width}x{height} (code {code}): {remedy}choose "
                    "another backend"
                )
            logits.append(np.array(blob))
        return logits

    return run
