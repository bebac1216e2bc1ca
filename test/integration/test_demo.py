"""`ldn-openset demo` for real: processes, DDS, files, figures, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

import started_children

from ldn_openset_ros import Predictor
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.inference.panel import CAPTION_HEIGHT
from ldn_openset_ros.metrics.ranking import RankingHistogram
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix
from ldn_openset_ros.ros.demo.pictures import count_frames
from ldn_openset_ros.taxonomy import load_taxonomy

TIMEOUT = 240
HEIGHT, WIDTH = 96, 128
STAGES = ["decode", "pre_process", "network", "score", "publish", "total", "end_to_end"]

finish = partial(started_children.finish, leftover="recorded_frames", timeout=TIMEOUT)


def start_demo(output: Path, model: Path, *options: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "ROS_DOMAIN_ID"}
    command = [sys.executable, "-m", "ldn_openset_ros.cli.main", "demo"]
    return subprocess.Popen(
        [*command, "--model", str(model), "-o", str(output), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def wait_until(condition, what):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def random_picture(seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), random_picture(index))
    return folder


@pytest.mark.timeout(TIMEOUT + 60)
def test_the_sample_camera_is_recorded_measured_and_pictured(tmp_path, tiny_model):
    output, figures = tmp_path / "out", tmp_path / "figures.json"
    options = ("--seconds", "4", "--size", "160x120", "--rate", "5", "--seed", "1")
    demo = start_demo(output, tiny_model, *options, "--json", str(figures))
    code, printed, errors = finish(demo, output)
    assert (code, errors) == (0, [])
    summary = json.loads((output / "summary.json").read_text())
    assert json.loads(figures.read_text()) == summary
    assert summary["valid"] is True
    assert summary["problems"] == []
    assert summary["source"] == "sample camera"
    assert summary["node"]["model"] == "tiny"

    assert summary["processed"] >= 2
    assert summary["dropped"] == summary["frames_in"] - summary["processed"] >= 0
    expected_rate = (summary["processed"] - 1) / summary["seconds"]
    assert summary["rate_hz"] == pytest.approx(expected_rate, abs=0.01)
    assert 0 < summary["rate_hz"] <= 7
    assert list(summary["latency_ms"]) == STAGES
    for stage in STAGES:
        latency = summary["latency_ms"][stage]
        assert 0 < latency["p50_ms"] <= latency["p95_ms"] < 1e3 * TIMEOUT
    assert (
        summary["latency_ms"]["end_to_end"]["p50_ms"] > summary["latency_ms"]["network"]["p50_ms"]
    )

    for name in ("average_precision", "auroc", "fpr95", "mean_iou", "open_set_mean_iou"):
        assert 0 <= summary[name] <= 1, name
    assert summary["missing"] == {}
    assert "160x120" in summary["protocol"]
    for words in ("AP", "FPR95", "mIoU", "dropped", summary["protocol"], str(output)):
        assert words in printed

    panels = sorted(output.glob("frame_*.png"))
    assert len(panels) == min(6, summary["processed"])
    for path in (*panels, output / "best.png"):
        assert cv2.imread(str(path)).shape == (2 * (120 + CAPTION_HEIGHT), 320, 3)
    assert count_frames(output / "video.mp4") == summary["processed"]
    logs = sorted(path.name for path in (output / "logs").iterdir())
    assert logs == ["camera.yaml", "node.yaml", "openset_node.log", "sample_camera.log"]


@pytest.mark.timeout(TIMEOUT + 60)
@pytest.mark.parametrize("compressed", [None, "png"])
def test_figures_of_a_bag_are_those_of_the_predictor(tmp_path, tiny_model, compressed):
    # One frame in a loop: however many rounds there are, the figures are that frame's.
    predictor = Predictor.load(tiny_model)
    rgb = random_picture()
    expected = predictor(rgb)
    rng = np.random.default_rng(3)
    outlier = (rng.random(rgb.shape[:2]) < expected.outlier).astype(np.uint8)
    outlier[:10] = 255
    classes = load_taxonomy("camvid").num_classes
    labels = np.where(
        rng.random(rgb.shape[:2]) < 0.7, expected.labels, rng.integers(0, classes, rgb.shape[:2])
    ).astype(np.uint8)
    bag = tmp_path / "bag"
    with BagWriter(bag, compressed_images=compressed) as writer:
        writer.write(Sample("0", rgb, labels=labels, outlier=outlier), 1_000_000_000)

    output = tmp_path / "out"
    options = ("--source", str(bag), "--seconds", "3", "--threshold", "0.25", "--fusion", "op")
    code, _, errors = finish(start_demo(output, tiny_model, *options), output)
    assert (code, errors) == (0, [])
    summary = json.loads((output / "summary.json").read_text())
    assert summary["processed"] >= 2
    assert (summary["node"]["threshold"], summary["node"]["fusion"]) == (0.25, "op")
    prediction = predictor.decide(predictor.infer(rgb), "op", 0.25)
    histogram = RankingHistogram()
    histogram.add_probabilities(prediction.outlier, outlier)
    closed_set, open_set = ConfusionMatrix(classes), ConfusionMatrix(classes)
    closed_set.add(prediction.labels, labels)
    open_set.add(prediction.open_set, labels)
    measures = histogram.measures()
    assert summary["average_precision"] == pytest.approx(measures.average_precision, abs=1e-3)
    assert summary["auroc"] == pytest.approx(measures.auroc, abs=1e-3)
    assert summary["fpr95"] == pytest.approx(measures.fpr95, abs=1e-3)
    assert summary["mean_iou"] == pytest.approx(closed_set.mean_iou(), abs=1e-3)
    assert summary["open_set_mean_iou"] == pytest.approx(open_set.mean_iou(), abs=1e-3)
    # The stamps are the bag's, not of this machine's clock.
    assert summary["latency_ms"]["end_to_end"] is None
    assert set(summary["missing"]) == {"latency_ms.end_to_end"}


@pytest.mark.timeout(TIMEOUT + 60)
def test_a_folder_of_pictures_works_without_truth_and_replaces_old_results(
    tmp_path, tiny_model, pictures
):
    output = tmp_path / "out"
    output.mkdir()
    (output / "frame_9999.png").touch()
    options = ("--source", str(pictures), "--seconds", "2", "--resolution", "64")
    code, printed, errors = finish(start_demo(output, tiny_model, *options), output)
    assert (code, errors) == (0, [])
    summary = json.loads((output / "summary.json").read_text())
    assert summary["mean_iou"] is None
    assert summary["missing"]["auroc"] == "no outlier truth"
    assert "no outlier truth" in printed
    assert summary["node"]["resolution"] == 64
    assert not (output / "frame_9999.png").exists()


@pytest.mark.timeout(TIMEOUT + 60)
def test_a_broken_model_is_one_line_and_exit_code_1(tmp_path, tiny_model, pictures):
    model = tmp_path / "broken"
    shutil.copytree(tiny_model, model)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    output = tmp_path / "out"
    demo = start_demo(output, model, "--source", str(pictures), "--seconds", "2")
    code, printed, errors = finish(demo, output)
    assert code == 1
    assert len(errors) == 1
    assert "the node ended with code 1" in errors[0]
    assert "model.safetensors" in errors[0]
    assert printed == ""
    assert not (output / "summary.json").exists()


@pytest.mark.timeout(TIMEOUT + 60)
def test_without_outputs_the_demo_fails(tmp_path, tiny_model, pictures):
    # The node needs longer than this to load, so nothing can come in time.
    output = tmp_path / "out"
    options = ("--source", str(pictures), "--seconds", "2", "--start-timeout", "0.01")
    code, printed, errors = finish(start_demo(output, tiny_model, *options), output)
    assert code == 1
    assert len(errors) == 1
    assert "no frame with all its outputs came in 0.01 s" in errors[0]
    assert "0 on /openset/open_set" in errors[0]
    assert printed == ""


@pytest.mark.timeout(TIMEOUT + 60)
def test_ctrl_c_ends_the_recording_and_keeps_what_came(tmp_path, tiny_model, pictures):
    output = tmp_path / "out"
    demo = start_demo(output, tiny_model, "--source", str(pictures), "--seconds", "600")
    try:
        spool = output / "recorded_frames"
        wait_until(lambda: len(list(spool.glob("*.npz"))) > 5, "frames")
        assert len(started_children.children_of(output)) == 2
        demo.send_signal(signal.SIGINT)
    except BaseException:
        demo.kill()
        raise
    code, _, errors = finish(demo, output)
    assert code == 1
    assert len(errors) == 1
    assert errors[0].startswith("error: interrupted after")
    summary = json.loads((output / "summary.json").read_text())
    assert summary["valid"] is False
    assert count_frames(output / "video.mp4") == summary["processed"] >= 5


@pytest.mark.timeout(TIMEOUT + 60)
def test_a_node_that_dies_ends_the_demo(tmp_path, tiny_model, pictures):
    output = tmp_path / "out"
    demo = start_demo(output, tiny_model, "--source", str(pictures), "--seconds", "600")
    try:
        spool = output / "recorded_frames"
        wait_until(lambda: len(list(spool.glob("*.npz"))) > 2, "frames")
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if (
                "ldn_openset_ros.ros.openset_node" in words
                and str(output / "logs" / "node.yaml") in words
            ):
                os.kill(int(path.parent.name), signal.SIGTERM)
    except BaseException:
        demo.kill()
        raise
    code, _, errors = finish(demo, output)
    assert code == 1
    assert len(errors) == 1
    assert "the node ended with code" in errors[0]
