"""What unit tests of several parts share: data small enough to train on, small models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from ldn_openset_ros.inference.model_files import DecisionSettings, read_description, write_model
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings
from ldn_openset_ros.reproduction import plan

SMALL_EXPERIMENT = {
    "name": "small",
    "network": {
        "backbone": "efficientnet_lite0",
        "num_classes": 11,
        "pyramid_width": 16,
        "pyramid_level_width": 8,
        "ladder_widths": [16, 16, 16],
    },
    "data": {
        "roads": [{"dataset": "camvid", "folder": "camvid", "split": "train"}],
        "validation": {"dataset": "camvid", "folder": "camvid", "split": "val"},
        "negatives": {"kind": "pictures", "folder": "imagenet_samples/train"},
    },
    "jitter": {"base": 48, "minimum": 40, "maximum": 64},
    "crop": [32, 64],
    "batch_size": 2,
    "steps": 1,
    "workers": 0,
}
"""An experiment file on `small_data`."""


def write_png(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    """CamVid's layout with two-class scenes (sky over road), striped negatives and one horse."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            labels = np.zeros((48, 64), np.uint8)
            labels[20 + number :] = 3
            labels[-2:] = 11
            bgr = np.where(labels[..., None] == 0, (220, 180, 120), (90, 90, 90))
            bgr = np.clip(bgr + rng.normal(0, 8, bgr.shape), 0, 255).astype(np.uint8)
            write_png(root / "camvid" / split / "images" / f"seq_{number:03d}.png", bgr)
            write_png(root / "camvid" / split / "labels" / f"seq_{number:03d}.png", labels)
    for number in range(5):
        stripes = np.zeros((40, 50, 3), np.uint8)
        stripes[:, number::4] = (30 * number, 255, 40)
        write_png(root / "imagenet_samples" / "train" / f"n{number}.png", stripes)
    write_png(root / "horses" / "images" / "h.png", np.full((20, 20, 3), 200, np.uint8))
    mask = np.pad(np.full((10, 10), 255, np.uint8), 5)
    write_png(root / "horses" / "masks" / "h.png", mask)
    return root


@pytest.fixture
def small_plan(tmp_path, monkeypatch) -> Path:
    """The folder that stands for `config/reproduce`: `SMALL_EXPERIMENT` and two runs."""
    folder = tmp_path / "config" / "reproduce"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(yaml.safe_dump(SMALL_EXPERIMENT))
    runs = {"two_heads": {}, "multi_class": {"recognition": {"name": "multi_class"}}}
    (folder / "runs.yaml").write_text(yaml.safe_dump(runs))
    monkeypatch.setattr(plan, "config_file", (tmp_path / "config").joinpath)
    return folder


@pytest.fixture
def small_model(tiny_model, tmp_path) -> Callable[..., Path]:
    """Return a function that writes a small random model with a recognition module."""

    def write(name: str, dropout: float = 0.2, **decision) -> Path:
        module = MODULES[name]
        description = read_description(tiny_model)
        network = replace(
            description.network,
            segmentation_head=module.segmentation_head,
            outlier_head=module.outlier_head,
            dropout=dropout,
        )
        torch.manual_seed(3)
        description = replace(
            description,
            name=name,
            network=network,
            recognition=RecognitionSettings(name, passes=3),
            decision=DecisionSettings(fusion=module.default_score, **decision),
        )
        write_model(tmp_path / name, description, OpenSetNetwork(network))
        return tmp_path / name

    return write
