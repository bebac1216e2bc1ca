"""`--half`: what it stores, and that the change it prints is the one that came about."""

from __future__ import annotations

import re

import numpy as np
import torch
from safetensors.torch import load_file

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.half_precision import halve
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.inference.model_files import copy_model
from ldn_openset_ros.scenes.drive import Drive, DriveSettings

TOLD = re.compile(
    r"weights in half precision: on 3 rendered frames of 640x480 they change the outlier "
    r"probability by up to (\S+), and the label of (\S+)% of the pixels"
)


def test_the_change_that_is_told_is_that_of_the_maps(tiny_model, tmp_path):
    told = TOLD.fullmatch(halve(copy_model(tiny_model, tmp_path / "half")))

    exact, half = (
        Predictor.load(folder, device="cpu", backend="torch")
        for folder in (tiny_model, tmp_path / "half")
    )
    drive = Drive(DriveSettings(640, 480))
    frames = [drive.frame(number).rgb for number in (0, 7, 14)]
    maps = [(exact(frame), half(frame)) for frame in frames]
    change = max(np.abs(one.outlier - two.outlier).max() for one, two in maps)
    labels = np.mean([one.labels != two.labels for one, two in maps])
    assert change > 0
    assert told[1] == f"{change:.2g}"
    assert told[2] == f"{100 * labels:.2f}"


def test_a_training_halves_its_model_where_asked_to(small_plan, small_data, tmp_path, capsys):
    where = ["--data", str(small_data), "-o", str(tmp_path), "--device", "cpu"]
    assert main(["train", str(small_plan / "experiment.yaml"), *where, "--half"]) == 0
    assert TOLD.search(capsys.readouterr().out)
    tensors = load_file(tmp_path / "model" / "model.safetensors").values()
    assert {tensor.dtype for tensor in tensors if tensor.ndim > 1} == {torch.float16}
