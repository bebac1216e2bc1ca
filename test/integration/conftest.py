"""What tests on real DDS share: they stay on this machine, in domains of their own."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest
from browser import ARGUMENTS, BROWSERS

from ldn_openset_ros.ros import silence
from ldn_openset_ros.ros.environment import fast_dds_profile


@pytest.fixture(scope="session", autouse=True)
def _stay_on_this_machine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        for name, value in fast_dds_profile(os.environ).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """A busy machine may send the first image late; that is no warning for tests to find."""
    monkeypatch.setattr(silence, "PATIENCE", silence.MAX_PATIENCE)


@pytest.fixture(scope="session")
def new_domain():
    """Return a function that gives ROS domains: none again before all others had their turn.

    Another run on this machine has another order, and so hardly ever the same at the same time.
    """
    domains = list(range(1, 101))
    random.SystemRandom().shuffle(domains)
    return itertools.cycle(domains).__next__


@pytest.fixture
def domain(new_domain) -> int:
    """A ROS domain of the test's own."""
    return new_domain()


@pytest.fixture
def start_module(domain):
    """Start a module of `ros/` as a process, with `name:=value` parameters and remappings.

    ros: further ROS arguments. What still runs at the end of the test is killed.
    """
    processes = []

    def start(
        module: str,
        *parameters: str,
        remap: tuple[str, ...] = (),
        ros: Sequence[str] = (),
    ) -> subprocess.Popen:
        options = [word for parameter in parameters for word in ("-p", parameter)]
        options += [word for rule in remap for word in ("-r", rule)]
        options += ros
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


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: install the extra `test`"
    )
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed: run make browser")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()
