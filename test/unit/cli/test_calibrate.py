"""`ldn-openset calibrate` as users call it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.inference.model_files import read_description


@pytest.fixture
def model(tiny_model, tmp_path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "README.md").write_text("a card")
    return folder


@pytest.fixture
def root(model, tmp_path) -> Path:
    """Frames whose outliers are, but for noise, where the model sees them by both scores."""
    rng = np.random.default_rng(4)
    predictor = Predictor.load(model, device="cpu")
    folder = tmp_path / "data"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        rgb = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        log_odds = predictor.log_odds(predictor.infer(rgb), "op_x_msm")
        truth = (rng.random(log_odds.shape) < 1 / (1 + np.exp(-log_odds / 2))).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), rgb[..., ::-1])
        cv2.imwrite(str(folder / "labels" / f"{number}.png"), truth)
    return folder


def arguments(model: Path, root: Path, *others: str) -> list[str]:
    rate = [] if any("rate" in word for word in others) else ["--true-positive-rate", "0.8"]
    common = ["--dataset", "folder", "--root", str(root), "--device", "cpu"]
    return ["calibrate", str(model), *common, *rate, *others]


def test_masks_of_0_and_255_calibrate_as_those_of_0_and_1(model, root, tmp_path, capsys):
    assert main(arguments(model, root, "--json", str(tmp_path / "1.json"))) == 0
    for path in (root / "labels").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) * 255)
    option = ["--outlier-value", "255", "--json", str(tmp_path / "255.json")]
    assert main(arguments(model, root, *option)) == 0
    assert json.loads((tmp_path / "255.json").read_text()) == json.loads(
        (tmp_path / "1.json").read_text()
    )
    capsys.readouterr()
    assert main(arguments(model, root)) == 1
    assert "labels has no outlier pixel" in capsys.readouterr().err


def test_the_model_learns_its_temperature_and_threshold(model, root, tmp_path, capsys):
    before = yaml.safe_load((model / "model.yaml").read_text())
    weights = (model / "model.safetensors").read_bytes()
    figures = tmp_path / "c.json"
    assert main(arguments(model, root, "--json", str(figures))) == 0

    after = yaml.safe_load((model / "model.yaml").read_text())
    calibration = after.pop("calibration")
    assert json.loads(figures.read_text()) == calibration
    assert calibration["temperature"] == pytest.approx(2, rel=0.2)
    assert calibration["wanted"] == {"kind": "true_positive_rate", "value": 0.8}
    assert (calibration["frames"], calibration["pixels"]) == (3, 3 * 48 * 64)
    assert 0.8 <= calibration["true_positive_rate"] < 0.81
    before["decision"]["threshold"] = calibration["threshold"]
    assert after == before, "all else stays"
    assert (model / "model.safetensors").read_bytes() == weights
    assert sorted(p.name for p in model.iterdir()) == [
        "README.md",
        "model.safetensors",
        "model.yaml",
    ]
    printed = capsys.readouterr().out
    assert "op_x_msm on folder: 3 frames, 9,216 pixels, resolution as it comes" in printed
    assert "for a true-positive rate of 80 %: true-positive rate 80" in printed
    assert f"written to {model / 'model.yaml'}" in printed


def test_several_data_sets_are_named(model, root, tmp_path, capsys):
    """The same frames twice: RoadAnomaly in pairs is a folder as well."""
    assert main(arguments(model, root, "--dataset", "road_anomaly")) == 0
    calibration = read_description(model).calibration
    assert calibration.data == "folder; road_anomaly"
    assert calibration.frames == 6
    assert "op_x_msm on folder; road_anomaly: 6 frames" in capsys.readouterr().out


def test_info_shows_the_calibration(model, root, capsys):
    assert main(["info", str(model)]) == 0
    assert "calibration  none" in capsys.readouterr().out
    assert main(arguments(model, root, "--false-positive-rate", "0.1")) == 0
    capsys.readouterr()
    assert main(["info", str(model)]) == 0
    printed = capsys.readouterr().out
    assert "calibration  op_x_msm on folder: 3 frames" in printed
    assert "for a false-positive rate of 10 %" in printed


def test_a_copy_leaves_the_model_as_it_is(model, root, tmp_path):
    before = (model / "model.yaml").read_bytes()
    copy = tmp_path / "deep" / "copy"
    assert main(arguments(model, root, "-o", str(copy), "--resolution", "32")) == 0
    assert (model / "model.yaml").read_bytes() == before
    assert read_description(copy).calibration.resolution == 32
    assert read_description(copy).decision.resolution == 0
    assert (copy / "README.md").read_text() == "a card"
    calibrated = Predictor.load(copy, device="cpu", threshold="calibrated")
    assert calibrated.threshold == read_description(copy).calibration.threshold


def test_another_score_has_a_calibration_but_the_decision_stays(model, root):
    before = read_description(model).decision
    assert main(arguments(model, root, "--score", "op")) == 0
    description = read_description(model)
    assert description.calibration.score == "op"
    assert description.decision == before


def test_camvid_with_pasted_negatives(model, tmp_path, capsys):
    rng = np.random.default_rng(0)
    root = tmp_path / "sets"
    for name in ("camvid/val/images", "camvid/val/labels", "imagenet_samples/train"):
        (root / name).mkdir(parents=True)
    for number in range(2):
        scene = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
        cv2.imwrite(str(root / f"camvid/val/images/s_{number}.png"), scene)
        cv2.imwrite(str(root / f"camvid/val/labels/s_{number}.png"), np.zeros((48, 64), np.uint8))
        cv2.imwrite(str(root / f"imagenet_samples/train/n{number}.png"), scene[:30, :40])
    words = ["--dataset", "camvid_pasted", "--root", str(root), "--false-positive-rate", "0.1"]
    assert main(["calibrate", str(model), *words, "--score", "op", "--device", "cpu"]) == 0
    calibration = read_description(model).calibration
    assert calibration.data == "camvid_pasted, split val"
    assert calibration.frames == 2
    assert "op on camvid_pasted, split val: 2 frames" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        (["--dataset", "camvid"], "no CamVid"),
        (["--split", "val"], "folder has no splits: leave 'val' out"),
        (["--resolution", "-1"], "resolution is -1"),
    ],
)
def test_failures_are_one_line_and_leave_the_model(model, root, others, reason, capsys):
    before = (model / "model.yaml").read_bytes()
    assert main(arguments(model, root, *others)) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert reason in error
    assert (model / "model.yaml").read_bytes() == before


def test_a_model_in_the_way_is_not_overwritten(model, root, capsys):
    assert main(arguments(model, root, "-o", str(model))) == 1
    assert f"error: {model} holds a model already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "rates",
    [
        ["--true-positive-rate", "95"],
        ["--false-positive-rate", "nan"],
        ["--true-positive-rate", "0.9", "--false-positive-rate", "0.1"],
    ],
)
def test_bad_rates_are_bad_usage(model, root, rates):
    with pytest.raises(SystemExit) as caught:
        main(arguments(model, root, *rates))
    assert caught.value.code == 2


def test_one_rate_is_needed(model, root, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", str(model), "--dataset", "folder", "--root", str(root)])
    assert caught.value.code == 2
    assert "--true-positive-rate" in capsys.readouterr().err


def test_predict_with_the_calibrated_threshold(model, calibrated_model, root, tmp_path, capsys):
    words = [str(root / "images"), "--device", "cpu", "--threshold", "calibrated", "-o"]
    assert main(["predict", str(model), *words, str(tmp_path / "none")]) == 1
    assert "has no calibration of op_x_msm: run `ldn-openset calibrate" in capsys.readouterr().err
    assert main(["predict", str(calibrated_model), *words, str(tmp_path / "out")]) == 0
    read = [cv2.imread(str(tmp_path / f"out/0_{n}.png"), -1) for n in ("outlier", "open_set")]
    called = read[1] == 11
    assert 0 < called.mean() < 1
    assert read[0][called].min() >= 0.39 * 65535 - 1
    assert read[0][~called].max() <= 0.39 * 65535 + 1


def test_what_was_measured_with_the_old_threshold_goes(model, root):
    for number in range(3, 10):
        for name in ("images", "labels"):
            shutil.copy(root / name / "0.png", root / name / f"{number}.png")
    data = ["--dataset", "folder", "--root", str(root), "--device", "cpu"]
    assert main(["domain", str(model), *data]) == 0
    assert read_description(model).domain is not None
    assert main(arguments(model, root)) == 0
    assert read_description(model).domain is None
