"""`ldn-openset domain` as users call it."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.inference.model_files import read_description


@pytest.fixture
def model(tiny_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    return folder


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(4)
    for number in range(10):
        rgb = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), rgb)
        cv2.imwrite(str(folder / "labels" / f"{number}.png"), np.zeros((48, 64), np.uint8))
    return folder


def test_the_model_learns_what_ordinary_frames_look_like(model, root, tmp_path, capsys):
    before = read_description(model)
    figures = tmp_path / "domain.json"
    arguments = ["domain", str(model), "--dataset", "folder", "--root", str(root)]
    assert main([*arguments, "--device", "cpu", "--json", str(figures)]) == 0
    after = read_description(model)
    assert before.domain is None
    assert after.domain.frames == 10
    assert after.domain.fusion == before.decision.fusion
    ranges = {
        name: tuple(values) for name, values in json.loads(figures.read_text())["ranges"].items()
    }
    assert ranges == after.domain.ranges == Predictor.load(model, device="cpu").domain.ranges
    out = capsys.readouterr().out
    assert "folder: 10 frames" in out
    assert "outlier share " in out
    assert main(["info", str(model)]) == 0
    assert "confidence " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("frames", "json", "reason"),
    [
        (9, "domain.json", "folder has 9 frames: give at least 10 ordinary frames"),
        (10, "data", "/data: it is a folder; choose another place"),
        (10, "data/images/0.png/domain.json", "0.png is no folder; choose another place"),
    ],
)
def test_what_cannot_end_well_is_refused_before_the_work(
    model, root, tmp_path, capsys, frames, json, reason
):
    """With weights that cannot be read, all that is later would complain of them."""
    (model / "model.safetensors").write_bytes(b"no weights")
    for number in range(frames, 10):
        for name in ("images", "labels"):
            (root / name / f"{number}.png").unlink()
    arguments = ["domain", str(model), "--dataset", "folder", "--root", str(root)]
    assert main([*arguments, "--device", "cpu", "--json", str(tmp_path / json)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert read_description(model).domain is None
