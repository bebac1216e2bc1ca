"""The network as an ONNX file, from pixels to logits, for one size of its input."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from ldn_openset_ros import __version__
from ldn_openset_ros.inference.backends.cache import cached, fingerprint
from ldn_openset_ros.inference.backends.contract import INPUT, contract
from ldn_openset_ros.inference.backends.libraries import import_library
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork


def export_onnx(network: PixelNetwork, height: int, width: int, path: Path) -> None:
    """Write an ONNX file: `pixels`, uint8 (1, h, w, 3) RGB, to float32 logits at stride 4.

    Outputs are `segmentation` and `outlier`, those of them that the network has. The size is
    fixed, since the grids of the pyramid pooling depend on it. The file's metadata hold
    `contract`.
    """
    onnx = import_library("onnx", "the export to ONNX")
    import_library("onnxscript", "the export to ONNX")
    pixels = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            _Outputs(network.simplified()),
            (pixels,),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=network.head_names(),
        )
    model = program.model_proto
    onnx.helper.set_model_props(model, contract(network, height, width))
    onnx.save(model, path)


def cached_onnx(network: PixelNetwork, height: int, width: int) -> Path:
    """Return the file of `export_onnx` in the cache, exporting it where it is not there."""
    folder = f"onnx/{fingerprint(network, __version__, torch.__version__)}"
    return cached(
        f"{folder}/{width}x{height}.onnx",
        lambda path: export_onnx(network, height, width, path),
    )


class _Outputs(nn.Module):
    """A tuple without the heads that are not there."""

    def __init__(self, network: PixelNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in self.network(pixels) if tensor is not None)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter, which warns of libraries that nobody needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
