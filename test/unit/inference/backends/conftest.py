"""Networks whose every layer matters, as their logits show."""

from __future__ import annotations

import pytest
from backend_networks import make_network

from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork


@pytest.fixture(scope="session")
def lite() -> PixelNetwork:
    return make_network()


@pytest.fixture(scope="session")
def dense() -> PixelNetwork:
    return make_network("densenet121")
