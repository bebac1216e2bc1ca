"""What tests on real DDS share: they stay on this machine, in domains of their own."""

from __future__ import annotations

import os
import random
import subprocess
import sys

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
def start_module(domain):
    """Start a module of `ros/` as a process, with `name:=value` parameters and remappings.

    What still runs at the end of the test is killed.
    """
    processes = []

    def start(module: str, *parameters: str, remap: tuple[str, ...] = ()) -> subprocess.Popen:
        options = [word for parameter in parameters for word in ("-p", parameter)]
        options += [word for rule in remap for word in ("-r", rule)]
        process = subprocess.Popen(
            [sys.executable, "-m", f"ldn_openset_ros.ros.{module}", "--ros-args", *options],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def bench(domain):
    """A running Bench, closed at the end."""
    pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")
    from bench import Bench

    bench = Bench(domain)
    yield bench
    bench.close()
