"""`ldn-openset benchmark` with the real node."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")


def benchmark(*arguments: str, domain: int) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ldn_openset_ros.cli.main", "benchmark", *arguments],
        env={**os.environ, "ROS_DOMAIN_ID": str(domain), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_node_and_predictor_side_by_side(tiny_model, tmp_path, domain):
    path = tmp_path / "figures.json"
    arguments = [str(tiny_model), "--parts", "node", "--size", "96x64", "--frames", "4"]
    arguments += ["--backend", "torch", "--hz", "5", "--seconds", "2", "--json", str(path)]
    done = benchmark(*arguments, domain=domain)
    assert done.returncode == 0, done.stderr
    content = json.loads(path.read_text())
    (model,) = content["models"]
    assert model["model"] == "tiny"
    (figures,) = model["node"]
    assert (figures["width"], figures["height"], figures["frames"]) == (96, 64, 4)
    assert list(figures["predictor"]) == ["pre_process", "network", "score", "total"]
    stages = ["decode", "pre_process", "network", "score", "publish", "total"]
    assert list(figures["node"]) == stages
    end_to_end, alone = figures["end_to_end"]["p50_ms"], figures["predictor"]["total"]["p50_ms"]
    # The node reports over 5 s, so its medians hold the slow first frames that these do not.
    assert min(end_to_end, alone, figures["node"]["network"]["p50_ms"]) > 0
    assert figures["ratio"] == round(end_to_end / alone, 3)
    assert "96x64, 4 frames" in done.stdout
    assert f"Predictor alone: {figures['ratio']:.3f}" in done.stdout
    (rate,) = model["rate"]
    assert (rate["width"], rate["height"], rate["hz"], rate["sent"]) == (96, 64, 5.0, 10)
    # Such small frames take a hundredth of the time between two: nothing is lost.
    assert (rate["received"], rate["processed"], rate["lost"]) == (10, 10, 0)


def test_cost_against_pixels_and_cameras(tiny_model, tmp_path, domain):
    path, plot = tmp_path / "figures.json", tmp_path / "cost.svg"
    arguments = [str(tiny_model), "--parts", "cost", "--cost-size", "96x64", "128x96"]
    arguments += ["--frames", "2", "--cameras", "1", "2", "--seconds", "2", "--backend", "ncnn"]
    done = benchmark(*arguments, "--json", str(path), "--plot", str(plot), domain=domain)
    assert done.returncode == 0, done.stderr
    cost = json.loads(path.read_text())["models"][0]["cost"]
    assert [(size["width"], size["height"]) for size in cost["pixels"]] == [(96, 64), (128, 96)]
    for size in cost["pixels"]:
        assert [row["backend"] for row in size["rows"]] == ["torch", "ncnn"]
    one, two = cost["cameras"]
    assert list(one["rates_hz"]) == [""]
    assert list(two["rates_hz"]) == ["camera1", "camera2"]
    for cameras in (one, two):
        assert min(cameras["rates_hz"].values()) > 0
        assert cameras["total_hz"] == pytest.approx(sum(cameras["rates_hz"].values()), abs=0.01)
    assert plot.read_text().lstrip().startswith("<?xml")


def test_start_comes_first(tiny_model, tmp_path, domain):
    path = tmp_path / "figures.json"
    done = benchmark(str(tiny_model), "--parts", "start", "--json", str(path), domain=domain)
    assert done.returncode == 0, done.stderr
    start = json.loads(path.read_text())["start"]
    assert start["help"]["cpu_s"] < start["torch"]["cpu_s"]
    assert "ldn-openset --help" in done.stdout
