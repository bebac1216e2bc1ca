from __future__ import annotations

import json

import pytest

from ldn_openset_ros.cli.main import main


def test_both_loops_are_printed_and_written(small_plan, small_data, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    json_file = tmp_path / "figures.json"
    config = str(small_plan / "experiment.yaml")
    options = ["--data", str(small_data), "--device", "cpu", "--steps", "3"]
    assert main(["benchmark-training", config, *options, "--json", str(json_file)]) == 0
    printed = capsys.readouterr().out
    assert "small: 3 steps of 2 crops of 64x32, cpu" in printed
    for row in ("samples per second", "network waits for data", "forward and backward, ms p50"):
        assert row in printed
    figures = json.loads(json_file.read_text())
    assert figures["experiment"] == "small"
    assert figures["speedup"] == sorted(figures["round_speedups"])[1]
    assert set(figures["given"]["stages"]) == {"loading", "forward_and_backward", "optimiser"}
    assert f"as given over plain: {figures['speedup']:.2f} times the samples per" in printed


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["gone.yaml"], "cannot read gone.yaml"),
        (["{config}", "--steps", "1"], "steps is 1: give at least 3"),
        (["{config}", "--data", "/nowhere"], "no CamVid at /nowhere/camvid/train/images"),
    ],
)
def test_errors_are_one_line(small_plan, capsys, arguments, error):
    config = small_plan / "experiment.yaml"
    assert main(["benchmark-training", *(a.format(config=config) for a in arguments)]) == 1
    message = capsys.readouterr().err
    assert error in message
    assert message.count("\n") == 1
