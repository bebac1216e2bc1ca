"""`ldn-openset export` as users call it: files that other programs open."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import yaml

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.inference.backends import export as exports


def frame(height: int, width: int) -> np.ndarray:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2] = (130, 170, 220)
    rgb[height // 2 :] = np.random.default_rng(0).integers(60, 110, (1, width, 1))
    return rgb


def check_logits(found: list[np.ndarray], model, rgb: np.ndarray) -> None:
    expected = Predictor.load(model, device="cpu", backend="torch", resolution=0).infer(rgb).heads
    for head, wanted in zip(found, expected, strict=True):
        assert head.shape == wanted.shape
        assert np.abs(head - wanted.numpy()).max() < 1e-4


def test_onnx(tiny_model, tmp_path, capsys):
    path, figures = tmp_path / "new" / "net.onnx", tmp_path / "figures.json"
    arguments = ["export", str(tiny_model), "--format", "onnx", "--size", "96x64"]
    assert main([*arguments, "-o", str(path), "--json", str(figures)]) == 0
    out = capsys.readouterr().out
    assert "pixels: RGB, 0 to 255, uint8 (1, 64, 96, 3); normalisation is inside" in out
    assert "largest difference to torch on 3 frames: logits" in out
    found = json.loads(figures.read_text())
    assert 0 <= found["difference"]["probability"] < 1e-5
    assert 0 < found["difference"]["logits"] < 1e-4
    stored = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert stored.items() >= found["contract"].items()
    assert json.loads(stored["taxonomy"])["name"] == "camvid"
    assert json.loads(stored["decision"])["fusion"] == "op_x_msm"
    session = onnxruntime.InferenceSession(path)
    (entry,) = session.get_inputs()
    assert (entry.name, entry.type, entry.shape) == ("pixels", "tensor(uint8)", [1, 64, 96, 3])
    outputs = [(output.name, output.shape) for output in session.get_outputs()]
    assert outputs == [("segmentation", [1, 11, 16, 24]), ("outlier", [1, 2, 16, 24])]
    rgb = frame(64, 96)
    check_logits(session.run(None, {"pixels": rgb[None]}), tiny_model, rgb)


def test_openvino(tiny_model, tmp_path, capsys):
    path = tmp_path / "net.xml"
    arguments = ["export", str(tiny_model), "--format", "openvino", "--size", "70x50"]
    assert main([*arguments, "-o", str(path)]) == 0
    assert "logits, float32 (1, channels, 13, 18), stride 4" in capsys.readouterr().out
    core = openvino.Core()
    model = core.read_model(path)
    assert model.get_rt_info(["ldn_openset_ros", "recognition"]).value == "two_heads"
    assert "uint8 (1, 50, 70, 3)" in model.get_rt_info(["ldn_openset_ros", "input"]).value
    rgb = frame(50, 70)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    results = core.compile_model(model, "CPU", settings)([rgb[None]])
    check_logits([results["segmentation"], results["outlier"]], tiny_model, rgb)


def test_ncnn(tiny_model, tmp_path, capsys):
    path = tmp_path / "net.param"
    arguments = ["export", str(tiny_model), "--format", "ncnn", "--size", "96x64"]
    assert main([*arguments, "-o", str(path)]) == 0
    assert "largest difference to torch on 3 frames" in capsys.readouterr().out
    assert path.read_text().splitlines()[2] == "Input pixels 0 1 pixels"
    assert path.with_suffix(".bin").stat().st_size > 1e6
    text = yaml.safe_load(path.with_suffix(".yaml").read_text())
    assert text["input"].startswith("blob pixels: RGB, float32 (3, 64, 96), (value from 0 to 255")
    assert text["output"].startswith("logits0 is segmentation, logits1 is outlier")


def test_a_file_that_computes_something_else_is_refused(tiny_model, tmp_path, capsys, monkeypatch):
    """Here ncnn's weights are damaged between writing and checking."""
    export = exports.export

    def damaged(network, format, height, width, path, *rest):
        text = export(network, format, height, width, path, *rest)
        data = bytearray(path.with_suffix(".bin").read_bytes())
        data[-400:] = bytes(400)
        path.with_suffix(".bin").write_bytes(data)
        return text

    monkeypatch.setattr(exports, "export", damaged)
    path = tmp_path / "net.param"
    arguments = ["export", str(tiny_model), "--format", "ncnn", "--size", "96x64"]
    assert main([*arguments, "-o", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {path} is off by ")
    assert line.endswith("more than 0.001: do not use it, choose another --format")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--format onnx --size 96x64 -o net.xml", "net.xml is no name for onnx: give one with"),
        ("--format onnx --size 96x20 -o net.onnx", "96x20 is too small: give at least 32x32"),
        (
            "--format ncnn --size 96x64 -o net.param --precision int8",
            "ncnn is not exported in int8: choose format openvino or float32",
        ),
        (
            "--format openvino --size 96x64 -o net.xml --precision int8",
            "int8_96x64.xml, which precision int8 needs",
        ),
    ],
)
def test_what_cannot_be_exported(tiny_model, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(tiny_model), *arguments.split()]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_several_passes_are_no_file(small_model, tmp_path, capsys):
    arguments = ["--format", "onnx", "--size", "96x64", "-o", str(tmp_path / "net.onnx")]
    assert main(["export", str(small_model("mc_dropout")), *arguments]) == 1
    assert "mc_dropout takes several passes and cannot be exported" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["onnx", "openvino", "ncnn"])
def test_a_folder_that_cannot_be_written(tiny_model, tmp_path, capsys, form):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / f"net{exports.SUFFIXES[form]}"
    arguments = ["--format", form, "--size", "96x64", "-o", str(path)]
    assert main(["export", str(tiny_model), *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot make the folder" in line


def test_a_size_is_two_numbers(tiny_model, capsys):
    with pytest.raises(SystemExit):
        main(["export", str(tiny_model), "--format", "onnx", "--size", "96", "-o", "net.onnx"])
    assert "96 is no size such as 640x480" in capsys.readouterr().err
