"""`--half`: what it stores, and that the change it prints is the one that came about."""

from __future__ import annotations

import re

import numpy as np
import torch
from safetensors.torch import load_file

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.scenes.drive import Drive, DriveSettings


def dtypes(folder) -> set[torch.dtype]:
    tensors = load_file(folder / "model.safetensors").values()
    return {tensor.dtype for tensor in tensors if tensor.ndim > 1}


def test_a_training_leaves_float32_unless_half_is_asked_for(
    small_plan, small_data, tmp_path, capsys
):
    run = ["train", str(small_plan / "experiment.yaml"), "--data", str(small_data)]
    run += ["--device", "cpu", "-o", str(tmp_path)]
    assert main(run) == 0
    assert dtypes(tmp_path / "model") == {torch.float32}
    exact = Predictor.load(tmp_path / "model", device="cpu", backend="torch")
    assert "half precision" not in capsys.readouterr().out

    assert main([*run, "--half"]) == 0  # the run is finished: its model is written anew

    assert dtypes(tmp_path / "model") == {torch.float16}
    half = Predictor.load(tmp_path / "model", device="cpu", backend="torch")
    drive = Drive(DriveSettings(640, 480))
    maps = [
        (exact(frame), half(frame)) for frame in (drive.frame(number).rgb for number in (0, 7, 14))
    ]
    change = max(np.abs(one.outlier - two.outlier).max() for one, two in maps)
    labels = np.mean([one.labels != two.labels for one, two in maps])
    told = re.search(r"by up to (\S+), and the label of (\S+)%", capsys.readouterr().out)
    assert change > 0
    assert told[1] == f"{change:.2g}"
    assert told[2] == f"{100 * labels:.2f}"
