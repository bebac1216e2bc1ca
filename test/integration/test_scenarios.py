"""The scenarios of test/launch by real processes, without launch."""

from __future__ import annotations

import signal

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from scenario_checks import check_scenario
from scenarios import SCENARIOS

TIMEOUT = 120


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(start_module, domain, monkeypatch, tiny_model, tmp_path, name):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    scenario = SCENARIOS[name]
    process = start_module("openset_node", ros=scenario.process_arguments(tiny_model, tmp_path))
    check_scenario(scenario, tiny_model)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    images = ", ".join(camera.image for camera in scenario.cameras)
    assert f"images from {images}" in errors
    assert "Traceback" not in errors
