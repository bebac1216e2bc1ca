"""Small networks for the backends, and what their logits are compared by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.torch_backend import TorchBackend
from ldn_openset_ros.inference.model_files import (
    EFFICIENTNET_LITE_NORMALISATION,
    SEMSEG_OD_NORMALISATION,
    DecisionSettings,
    ModelDescription,
)
from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings
from ldn_openset_ros.taxonomy import load_taxonomy


def vary_norms(network: nn.Module) -> None:
    """Give batch norms statistics and scales of their own, mild enough for logits of order 1."""
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.6, 1.4),
                (module.weight.data, 0.8, 1.2),
                (module.bias.data, -0.2, 0.2),
            ):
                tensor.uniform_(low, high, generator=generator)


def make_network(
    backbone: str = "efficientnet_lite0", recognition: str = "two_heads", width: int = 16
) -> PixelNetwork:
    """Return a network of random weights over CamVid's classes."""
    torch.manual_seed(0)
    taxonomy, module = load_taxonomy("camvid"), MODULES[recognition]
    settings = NetworkSettings(
        backbone=backbone,
        num_classes=taxonomy.num_classes,
        segmentation_head=module.segmentation_head,
        outlier_head=module.outlier_head,
        pyramid_width=width,
        pyramid_level_width=width // 2,
        ladder_widths=(width,) * 3,
        dropout=0.2,
    )
    network = OpenSetNetwork(settings, auxiliary_heads=True).eval()
    vary_norms(network)
    lite = backbone.startswith("efficientnet")
    description = ModelDescription(
        name=f"{backbone} {recognition}",
        network=settings,
        normalisation=EFFICIENTNET_LITE_NORMALISATION if lite else SEMSEG_OD_NORMALISATION,
        taxonomy=taxonomy.to_dict(),
        recognition=RecognitionSettings(recognition, passes=3),
        decision=DecisionSettings(fusion=module.default_score),
    )
    return PixelNetwork(network, description)


def with_recognition(network: PixelNetwork, name: str) -> PixelNetwork:
    """Return the network with another recognition module on its heads."""
    description = network.description
    decision = DecisionSettings(fusion=MODULES[name].default_score)
    recognition = RecognitionSettings(name, passes=3)
    return PixelNetwork(
        network.network, replace(description, recognition=recognition, decision=decision)
    )


def frames(count: int, height: int, width: int) -> np.ndarray:
    """Return frames of smooth colours with noise, uint8 (N, h, w, 3), all different."""
    rng = np.random.default_rng(count * height + width)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 3, 5, 7)))
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear").numpy()
    noisy = smooth.transpose(0, 2, 3, 1) + rng.normal(0, 12, (count, height, width, 3))
    return np.ascontiguousarray(np.clip(noisy, 0, 255).astype(np.uint8))


def reference(network: PixelNetwork, pixels: np.ndarray) -> HeadLogits:
    """Return what torch makes of frames."""
    return TorchBackend(network, torch.device("cpu"), torch.float32).infer(pixels)


def assert_equal(logits: HeadLogits, expected: HeadLogits, tolerance: float = 1e-4) -> None:
    """Compare logits head by head; no head's may be near 0, or flat, all over."""
    for head, wanted in zip(logits, expected, strict=True):
        assert (head is None) == (wanted is None)
        if wanted is not None:
            assert head.shape == wanted.shape
            assert head.dtype == torch.float32
            assert float(wanted.std()) > 0.05
            assert float((head - wanted).abs().max()) < tolerance
