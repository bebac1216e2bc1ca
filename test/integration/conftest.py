"""What tests on real DDS share: they stay on this machine, in domains of their own."""

from __future__ import annotations

import os
import random

import pytest

from ldn_openset_ros.ros.environment import fast_dds_profile


@pytest.fixture(scope="session", autouse=True)
def _stay_on_this_machine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        for name, value in fast_dds_profile(os.environ).items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def domain() -> int:
    """A ROS domain that no other test is likely to use at the same time."""
    return random.SystemRandom().randint(1, 100)


@pytest.fixture
def bench(domain):
    """A running Bench, closed at the end."""
    pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")
    from bench import Bench

    bench = Bench(domain)
    yield bench
    bench.close()
