"""How cost grows with pixels and with cameras."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.benchmark.backends import BackendFigures
from ldn_openset_ros.benchmark.rate_figures import CameraFigures


@dataclass(frozen=True)
class CostFigures:
    """pixels: eager PyTorch and the chosen backend at growing sizes. cameras: growing numbers."""

    pixels: tuple[BackendFigures, ...]
    cameras: tuple[CameraFigures, ...]
