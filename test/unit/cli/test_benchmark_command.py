"""Arguments of `ldn-openset benchmark`, and its parts without ROS."""

from __future__ import annotations

import json

import pytest

from ldn_openset_ros.cli.main import build_parser, main


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--frames", "0"], "--frames is 0: give at least 1"),
        (["--hz", "0"], "--hz is 0: give a number above 0"),
        (["--seconds", "nan"], "--seconds is nan: give a number above 0"),
        (["--cameras", "2", "0"], "--cameras is 0: give at least 1"),
        (["--plot", "cost.svg"], "--plot draws the part cost: add it to --parts"),
        (
            ["--parts", "cost", "--plot", "cost.txt"],
            "--plot is cost.txt: give a file that ends in .svg or .png",
        ),
        (["no_such_model"], "no model 'no_such_model'"),
        (["--device", "tpu", "--parts", "stages"], "unknown device 'tpu'"),
    ],
)
def test_what_cannot_be_measured_is_one_line(capsys, arguments, reason):
    assert main(["benchmark", *arguments]) == 1
    assert capsys.readouterr().err.startswith(f"error: {reason}")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--size", "huge"], "huge is no size such as 1920x1080"),
        (["--parts", "everything"], "invalid choice: 'everything'"),
        (["--random", "resnet"], "invalid choice: 'resnet'"),
        (["--backend", "tvm"], "invalid choice: 'tvm'"),
    ],
)
def test_bad_usage(capsys, arguments, reason):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["benchmark", *arguments])
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_backends_of_a_model(tiny_model, tmp_path, capsys):
    pytest.importorskip("ncnn")
    json_file, markdown = tmp_path / "figures.json", tmp_path / "tables.md"
    arguments = ["--parts", "backends", "--frames", "2", "--compare", "ncnn", "--input", "96x64"]
    arguments += ["--json", str(json_file), "--markdown", str(markdown)]
    assert main(["benchmark", str(tiny_model), *arguments]) == 0
    content = json.loads(json_file.read_text())
    assert list(content["seconds"]) == ["backends"]
    assert content["machine"]["threads"] >= 1
    (model,) = content["models"]
    assert list(model) == ["model", "backends"]
    assert model["model"] == "tiny"
    (figures,) = model["backends"]
    assert (figures["width"], figures["height"], figures["frames"]) == (96, 64, 2)
    floor = figures["floor"]
    assert floor["ms"] == pytest.approx(1e3 * floor["multiply_adds"] / floor["per_second"], 0.01)
    eager, other = figures["rows"]
    assert (eager["backend"], other["backend"]) == ("torch", "ncnn")
    ratio = eager["timing"]["p50_ms"] / other["timing"]["p50_ms"]
    assert other["speed_up"] == pytest.approx(ratio, abs=0.001)
    assert "**tiny: network alone, input 96x64, 2 frames**" in markdown.read_text()
    assert "this benchmark" in capsys.readouterr().out


def test_stages_of_random_weights(tmp_path):
    pytest.importorskip("ncnn")
    path = tmp_path / "figures.json"
    arguments = ["--parts", "stages", "--frames", "1", "--size", "96x64", "--json", str(path)]
    assert main(["benchmark", "--random", "ldn121", "--backend", "ncnn", *arguments]) == 0
    (model,) = json.loads(path.read_text())["models"]
    assert model["model"] == "ldn121"
    (figures,) = model["stages"]
    assert list(figures["stages"]) == ["torch float32", "ncnn float32"]
