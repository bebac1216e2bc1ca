"""Diagnostics tell when frames are unlike those that the model was made for."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import wait_for

from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.inference.model_files import read_description, write_description
from ldn_openset_ros.inference.predictor import Predictor

WARN, OK = "1", "0"
PICTURE = np.random.default_rng(3).integers(0, 256, (64, 96, 3)).astype(np.uint8)


@pytest.fixture
def settled_model(tiny_model, tmp_path):
    """A model that knows PICTURE as ordinary, and nothing else."""
    predictor = Predictor.load(tiny_model, device="cpu")
    figures = predictor.frame_figures(predictor.infer(PICTURE))
    domain = Domain(
        ranges={name: (max(v - 0.01, 0), min(v + 0.01, 1)) for name, v in figures.items()},
        fusion=predictor.fusion,
        threshold=predictor.threshold,
        data="one picture",
        resolution=0,
        frames=1,
    )
    folder = tmp_path / "settled"
    shutil.copytree(tiny_model, folder)
    write_description(folder, replace(read_description(folder), domain=domain))
    return folder


def test_frames_unlike_those_of_the_model_are_warned_of_after_some_seconds(bench, settled_model):
    bench.start(model=str(settled_model))
    bench.subscribe_outputs("labels")
    newest = bench.diagnostics()
    camera = bench.camera()

    def show(rgb, level):
        def shown():
            camera.publish(bench.image(rgb))
            time.sleep(0.1)
            return newest()["level"] == level and "confidence" in newest()

        wait_for(shown)
        return newest()

    ordinary = show(PICTURE, OK)
    low, high = (float(end) for end in ordinary["confidence_range"].split(" to "))
    assert low <= float(ordinary["confidence"]) <= high
    fog = show(np.full_like(PICTURE, 200), WARN)
    assert "unlike what the model was made for, since " in fog["message"]
    assert not low <= float(fog["confidence"]) <= high
    assert show(PICTURE, OK)["message"].endswith("frames in 5 s")


def test_at_another_resolution_nobody_knows_what_is_ordinary(bench, settled_model):
    bench.start(model=str(settled_model), resolution=48)
    labels = bench.subscribe_outputs("labels")["labels"]
    newest = bench.diagnostics()
    bench.camera().publish(bench.image(PICTURE))
    wait_for(lambda: labels)
    wait_for(lambda: newest()["frames_processed"] == "1")
    assert "confidence" not in newest()
    assert newest()["domain"] == "not watched: measured at resolution 0"
