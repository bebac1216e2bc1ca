"""`evaluate-bag --live` for real: node and player as processes over DDS, recorded and judged."""

from __future__ import annotations

import json
import os
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

from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.evaluation.bag_job import BagJob, evaluate_bags
from ldn_openset_ros.evaluation.measurement import MeasureSettings
from ldn_openset_ros.evaluation.model_choice import ModelChoice

TIMEOUT = 240
FRAMES = 12
RATE_HZ = 10.0
STAGES = ["decode", "pre_process", "network", "score", "publish", "total", "end_to_end"]

pytestmark = pytest.mark.timeout(TIMEOUT + 60)

finish = partial(started_children.finish, leftover="live_bag*", timeout=TIMEOUT)


def make_sample(number: int, size: tuple[int, int]) -> Sample:
    """A smooth picture with labels in blocks, an outlier and two void rows."""
    rng = np.random.default_rng(number)
    shape = (size[1], size[0])
    rgb = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), shape)
    labels = cv2.resize(
        rng.integers(0, 11, (3, 4), np.uint8), shape, interpolation=cv2.INTER_NEAREST
    )
    outlier = np.zeros(size, np.uint8)
    outlier[10 : 22 + number, 20:50] = 1
    outlier[-2:] = 255
    labels[outlier == 1] = 255
    return Sample(str(number), rgb, labels, outlier)


def write_bag(
    path: Path,
    count: int = FRAMES,
    size: tuple[int, int] = (96, 128),
    compressed_images: str | None = None,
) -> Path:
    with BagWriter(path, compressed_images=compressed_images) as bag:
        for number in range(count):
            stamp_ns = 1_700_000_000_000_000_000 + round(number * 1e9 / RATE_HZ)
            bag.write(make_sample(number, size), stamp_ns)
    return path


def start_live(bag: Path, output: Path, model: Path, *options: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "ROS_DOMAIN_ID"}
    command = [sys.executable, "-m", "ldn_openset_ros.cli.main", "evaluate-bag", str(bag)]
    return subprocess.Popen(
        [*command, "--live", "--model", str(model), "--device", "cpu", "-o", str(output)]
        + ["--replicates", "20", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def faults_of(output: Path) -> list[dict]:
    return [json.loads(line) for line in (output / "faults.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("compression", [None, "png"])
def test_a_node_that_keeps_up_has_the_figures_of_the_model_itself(
    tmp_path, tiny_model, compression
):
    bag = write_bag(tmp_path / "drive", compressed_images=compression)
    live, kept = tmp_path / "live", tmp_path / "kept"
    options = ("--rate", "0.2", "--output-bag", str(kept))
    code, printed, errors = finish(start_live(bag, live, tiny_model, *options), live)
    assert (code, errors) == (0, [])
    summary, timing = read(live / "summary.json"), read(live / "timing.json")

    measures = MeasureSettings(replicates=20)
    model = ModelChoice(str(tiny_model), device="cpu", backend="auto")
    by_model = evaluate_bags(
        BagJob(bag, tmp_path / "m", model, measures=measures, output_bag=tmp_path / "outputs"),
        [bag],
    )
    # The published probability has float32 steps, so it ranks as a recording of the model's does.
    recorded = evaluate_bags(
        BagJob(tmp_path / "outputs", tmp_path / "r", measures=measures), [tmp_path / "outputs"]
    )

    assert (summary["title"], summary["method"]) == ("tiny live on drive", "live")
    assert summary["sources"] == ["drive"]
    assert (summary["frames"], summary["faults"]) == (FRAMES, {})
    for measure in ("average_precision", "auroc", "fpr95"):
        value = summary["scores"]["recorded"][measure]["value"]
        assert value == getattr(recorded.scores["recorded"], measure).value
        own = getattr(by_model.scores["op_x_msm"], measure).value
        assert value == pytest.approx(own, abs=5e-4)
    for measure in ("mean_iou", "open_set_mean_iou"):
        value = summary["segmentation"][measure]["value"]
        assert value == getattr(by_model.segmentation, measure).value
    assert summary["decision"]["outlier_share"] == by_model.decision.outlier_share
    assert "played over DDS at 0.2 times the recorded pace" in summary["protocol"]
    assert "12 of 12 images answered by the node, network at 128x96" in summary["protocol"]

    assert timing["sent"] == timing["received"] == timing["frames"] == FRAMES
    assert list(timing["stages"]) == STAGES
    stages = timing["stages"]
    assert stages["end_to_end"]["p95"] >= stages["end_to_end"]["p50"] > stages["network"]["p50"]
    assert stages["network"]["mean"] is None
    times = [json.loads(line) for line in (live / "timing.jsonl").read_text().splitlines()]
    found = [line["seconds"]["end_to_end"] for line in times if "end_to_end" in line["seconds"]]
    # On a busy machine the recorder, unlike the node, may miss an image while it is discovered.
    assert len(found) >= FRAMES - 2
    assert all(0 < seconds < 10 for seconds in found)
    assert "images: sent 12, answered 12, dropped 0; end to end: median" in printed
    assert "end_to_end" in (live / "report.html").read_text()

    with BagReader(kept) as reader:
        counts = {name: topic.count for name, topic in reader.topics.items()}
    image = "/camera/image_raw" + ("/compressed" if compression else "")
    inputs = (image, "/ground_truth/outlier", "/ground_truth/labels")
    outputs = ("/openset/labels", "/openset/outlier_probability", "/openset/open_set")
    assert counts == {**dict.fromkeys((*inputs, *outputs), FRAMES), "/openset/legend": 1}


def test_a_node_that_cannot_keep_up_drops_frames_and_each_is_named(tmp_path, tiny_model):
    count = 40
    bag, output = write_bag(tmp_path / "drive", count, size=(480, 640)), tmp_path / "out"
    live = start_live(bag, output, tiny_model, "--rate", "20", "--fusion", "op")
    code, printed, errors = finish(live, output)
    assert (code, errors) == (0, [])
    summary, timing = read(output / "summary.json"), read(output / "timing.json")
    assert timing["sent"] == count
    assert 0 < timing["received"] < count
    dropped = count - timing["received"]
    assert summary["frames"] == summary["ranked_frames"] == timing["received"]
    assert summary["faults"] == {"not_answered": dropped}
    assert summary["configuration"]["fusion"] == "op"
    assert f"sent 40, answered {timing['received']}, dropped {dropped}" in printed
    faults = faults_of(output)
    assert len({fault["stamp_ns"] for fault in faults}) == len(faults) == dropped
    assert all("the node did not answer it" in fault["reason"] for fault in faults)


def test_an_interrupted_replay_is_evaluated_as_far_as_it_came(tmp_path, tiny_model):
    bag, output = write_bag(tmp_path / "drive"), tmp_path / "out"
    live = start_live(bag, output, tiny_model, "--rate", "0.05")
    log = output / "logs" / "player.log"
    deadline = time.monotonic() + TIMEOUT
    while not log.exists() or "times the recorded pace" not in log.read_text():
        assert time.monotonic() < deadline
        assert live.poll() is None, live.communicate()
        time.sleep(0.1)
    time.sleep(6.0)  # an image every 2 seconds
    live.send_signal(signal.SIGINT)
    code, _, errors = finish(live, output)
    assert (code, errors) == (0, [])
    sent = read(output / "timing.json")["sent"]
    summary = read(output / "summary.json")
    assert 0 < summary["frames"] <= sent < FRAMES
    assert f"interrupted after {sent} of 12 images" in summary["protocol"]
    assert summary["faults"].get("not_answered", 0) == sent - summary["frames"] <= 1


def test_a_node_that_cannot_start_is_one_line_with_its_own_words(tmp_path, tiny_model):
    bag, output = write_bag(tmp_path / "drive", 2), tmp_path / "out"
    live = start_live(bag, output, tiny_model, "--fusion", "msm", "--threshold", "calibrated")
    code, _, errors = finish(live, output)
    assert code == 1
    assert len(errors) == 1
    assert errors[0].startswith("error: the node ended with code 1: ")
    assert "calibrat" in errors[0]
    assert f"(log: {output / 'logs' / 'openset_node.log'})" in errors[0]
    assert not (output / "summary.json").exists()
