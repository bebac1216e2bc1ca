"""A plain view and light to paint single things with."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.sample import PinholeCamera
from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.light import Light


@pytest.fixture
def view() -> View:
    """A camera at the origin, 1 m high, that sees 1 m as 20 pixels at 10 m."""
    return View(PinholeCamera(160, 120, 200.0, 200.0, 79.5, 59.5), x=0.0, height=1.0, s=0.0)


@pytest.fixture
def light() -> Light:
    """Only diffuse light of strength 1 on what faces up, clear air."""
    return Light(
        sun=np.array((0.0, 1.0, 0.0)),
        sun_colour=np.zeros(3),
        sky_colour=np.ones(3),
        zenith=np.array((90.0, 140.0, 200.0)),
        horizon=np.array((200.0, 210.0, 220.0)),
        cloud=0.0,
        haze=np.array((200.0, 210.0, 220.0)),
        visibility=1e9,
        exposure=1.0,
        noise=0.0,
    )
