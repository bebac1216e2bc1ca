from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.transforms import JitterSettings
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.training.initial import initial_network
from ldn_openset_ros.training.loop import Trainer, settings_digest, train
from ldn_openset_ros.training.settings import (
    DataSettings,
    NegativeSettings,
    NegativeSource,
    OptimiserSettings,
    RoadSource,
    TrainingSettings,
    read_training_settings,
)

SMALL_DATA = DataSettings(
    roads=(RoadSource("camvid", "camvid", "train"),),
    validation=RoadSource("camvid", "camvid", "val"),
    negatives=NegativeSource("pictures", "imagenet_samples/train"),
)
SETTINGS = TrainingSettings(
    name="small",
    network=NetworkSettings(
        "efficientnet_lite0",
        11,
        pyramid_width=16,
        pyramid_level_width=8,
        ladder_widths=(16, 16, 16),
    ),
    data=SMALL_DATA,
    negatives=NegativeSettings(mixed_probability=0.8),
    jitter=JitterSettings(48, 64, 40),
    optimiser=OptimiserSettings(learning_rate=2e-3),
    crop=(32, 64),
    batch_size=4,
    steps=4,
    validate_every=2,
    checkpoint_every=2,
    workers=0,
)


def read_csv(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Cut(Exception):
    """Stands for the power going off."""


def test_a_run_cut_in_two_equals_an_uncut_one(small_data, tmp_path, monkeypatch):
    train(SETTINGS, small_data, tmp_path / "whole")

    whole_step = Trainer.step

    def cut_after_three(trainer, batch, step):
        if step == 4:
            raise Cut
        return whole_step(trainer, batch, step)

    monkeypatch.setattr(Trainer, "step", cut_after_three)
    with pytest.raises(Cut):
        train(SETTINGS, small_data, tmp_path / "cut")
    monkeypatch.undo()
    train(SETTINGS, small_data, tmp_path / "cut")

    whole, cut = (tmp_path / name for name in ("whole", "cut"))
    assert read_csv(whole / "losses.csv") == read_csv(cut / "losses.csv")
    assert read_csv(whole / "validation.csv") == read_csv(cut / "validation.csv")
    first, second = (load_file(p / "model" / "model.safetensors") for p in (whole, cut))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_training_learns_the_classes_and_the_outliers(small_data, tmp_path):
    fast = OptimiserSettings(learning_rate=1e-2)
    settings = replace(SETTINGS, optimiser=fast, steps=20, validate_every=20)
    model = train(settings, small_data, tmp_path)
    losses = [float(row["total"]) for row in read_csv(tmp_path / "losses.csv")]
    assert len(losses) == 20
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    row = read_csv(tmp_path / "validation.csv")[-1]
    assert row["step"] == "20"
    assert {"mIoU", "op_AP", "msm_AP", "op_x_msm_FPR95"} <= set(row)
    scene = CamVid(small_data / "camvid", "train")[0]
    labels = Predictor.load(model, device="cpu", resolution=0)(scene.rgb).labels
    assert labels.shape == scene.labels.shape


def test_a_run_of_other_settings_is_not_continued(small_data, tmp_path):
    train(replace(SETTINGS, steps=1), small_data, tmp_path)
    with pytest.raises(OpenSetError, match="other settings: choose another --output"):
        train(replace(SETTINGS, steps=1, seed=9), small_data, tmp_path)


@pytest.mark.timeout(120)
def test_a_worker_process_makes_the_same_pictures(small_data, tmp_path):
    for workers in (0, 1):
        settings = replace(SETTINGS, steps=2, workers=workers)
        train(settings, small_data, tmp_path / str(workers))
    assert read_csv(tmp_path / "0" / "losses.csv") == read_csv(tmp_path / "1" / "losses.csv")


def test_a_damaged_run_file_is_named(small_data, tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"nonsense")
    with pytest.raises(OpenSetError, match=r"cannot resume from .*last\.safetensors"):
        train(SETTINGS, small_data, tmp_path)


def test_a_run_can_start_from_a_model(small_data, tmp_path):
    model = train(replace(SETTINGS, steps=1), small_data, tmp_path / "first")
    settings = replace(SETTINGS, initial_model=str(model))
    network = initial_network(settings)
    for name, tensor in load_file(model / "model.safetensors").items():
        if name.endswith("num_batches_tracked"):
            continue
        assert torch.equal(network.state_dict()[name], tensor.to(torch.float32)), name
    assert len(network.auxiliary_heads) == 3


def test_digest_ignores_what_leaves_the_weights_alone():
    assert settings_digest(SETTINGS) == settings_digest(replace(SETTINGS, workers=3))
    assert settings_digest(SETTINGS) != settings_digest(replace(SETTINGS, seed=2))


def test_shipped_experiments_can_be_read():
    from ldn_openset_ros.resources import config_file

    for path in sorted(config_file("experiments").glob("*.yaml")):
        assert read_training_settings(path).name == path.stem


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"crop": (30, 64)}, "multiples of 32"),
        ({"batch_size": 1}, "at least 2"),
        ({"workers": -1}, "at least 0"),
        ({"imagenet_weights": True, "initial_model": "m"}, "exclude each other"),
        ({"imagenet_weights": True, "network": NetworkSettings()}, "--layout torchvision"),
    ],
)
def test_settings_that_cannot_train_are_refused(change, reason):
    with pytest.raises(OpenSetError, match=reason):
        replace(SETTINGS, **change)
