from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ldn_openset_ros.cli.figures import print_figures
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.main_figures import main_figures
from ldn_openset_ros.evaluation.measurement import Decision, Measurement, MeasureSettings
from ldn_openset_ros.evaluation.summarise import (
    Extras,
    RunDescription,
    ranking_intervals,
    summarise,
)
from ldn_openset_ros.evaluation.summary import RunSummary, read_summary, to_json
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.metrics.ranking import exact_ranking
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.segmentation_section import segmentation_section
from ldn_openset_ros.taxonomy import load_taxonomy

SIZE = (20, 30)
DESCRIPTION = RunDescription("title", "model", "network", {"model": "m"}, ("bag",), 40)
SETTINGS = MeasureSettings(
    ("op",), load_taxonomy("cityscapes"), Decision("op", 0.5, 2.0), (0.0, 1.0), replicates=100
)


def make_frame(number: int, **changes) -> JudgedFrame:
    """Outliers score 1 higher than inliers; one frame is easier than another."""
    rng = np.random.default_rng(number)
    truth = np.zeros(SIZE, np.uint8)
    truth[5:10, 5:15] = 1
    log_odds = rng.normal(0, 1, SIZE) + truth * rng.normal(1, 1)
    called = log_odds >= 0
    labels = np.full(SIZE, 13, np.uint8)
    frame = JudgedFrame(
        str(number),
        "bag",
        Prediction(labels, None, np.where(called, np.uint8(19), labels)),
        {"op": log_odds.astype(np.float32)},
        SIZE,
        called=called,
        outlier_truth=truth,
        label_truth=np.where(truth == 1, np.uint8(255), np.uint8(14)),
    )
    return replace(frame, **changes)


def measured(frames, settings: MeasureSettings = SETTINGS) -> Measurement:
    measurement = Measurement(settings)
    for frame in frames:
        measurement.add(frame)
    return measurement


def test_intervals_are_those_of_resampled_frames():
    """Against a bootstrap by hand, with exact ranking of frames drawn with replacement."""
    frames = [make_frame(number) for number in range(30)]
    found = ranking_intervals(measured(frames, replace(SETTINGS, replicates=200)).scores["op"])
    rng = np.random.default_rng(0)
    values = []
    for _ in range(200):
        drawn = [frames[index] for index in rng.integers(0, 30, 30)]
        scores = np.stack([frame.log_odds["op"] for frame in drawn])
        values.append(exact_ranking(scores, np.stack([f.outlier_truth for f in drawn])).auroc)
    lower, upper = np.quantile(values, (0.025, 0.975))
    assert found["auroc"][0] == pytest.approx(lower, abs=0.03)
    assert found["auroc"][1] == pytest.approx(upper, abs=0.03)


def test_one_frame_has_no_interval():
    score = summarise(measured([make_frame(1)]), DESCRIPTION).scores["op"]
    assert score.auroc.value is not None
    assert (score.auroc.lower, score.auroc.upper) == (None, None)


def test_curves_and_histogram_are_those_of_the_counts():
    score = summarise(measured(map(make_frame, range(3))), DESCRIPTION).scores["op"]
    assert sum(score.histogram.outliers) == score.positives == 3 * 50
    assert sum(score.histogram.inliers) == score.negatives == 3 * 550
    assert len(score.histogram.edges) == len(score.histogram.inliers) + 1
    assert (score.roc.x[0], score.roc.y[0]) == (0, 0)
    assert (score.roc.x[-1], score.roc.y[-1]) == (1, 1)
    assert np.trapezoid(score.roc.y, score.roc.x) == pytest.approx(score.auroc.value, abs=0.01)


def test_the_decision_counts_every_pixel_and_its_probability_is_tempered():
    frames = list(map(make_frame, range(4)))
    decision = summarise(measured(frames), DESCRIPTION).decision
    called = np.stack([frame.called for frame in frames])
    outlier = np.stack([frame.outlier_truth == 1 for frame in frames])
    assert decision.outlier_share == called.mean()
    assert decision.true_positive_rate == called[outlier].mean()
    assert decision.false_positive_rate == called[~outlier].mean()
    probability = 1 / (1 + np.exp(-np.stack([f.log_odds["op"] for f in frames]) / 2.0))
    expected = probability[(probability >= 7 / 15) & (probability < 8 / 15)].mean()
    assert decision.calibration.confidence[7] == pytest.approx(expected, abs=1e-4)
    assert sum(decision.calibration.pixels) == called.size


def test_the_best_threshold_is_one_of_the_published_probability():
    """At temperature 2 the published probability is sigmoid(log-odds / 2)."""
    frames = list(map(make_frame, range(4)))
    score = summarise(measured(frames), DESCRIPTION).scores["op"]
    plain = replace(SETTINGS, decision=Decision("op", 0.5))
    before = summarise(measured(frames, plain), DESCRIPTION).scores["op"].best_f1_threshold
    log_odds = np.log(before / (1 - before))
    assert score.best_f1_threshold == pytest.approx(1 / (1 + np.exp(-log_odds / 2)))


def test_categories_forgive_confusion_within_them():
    """Every car is called a truck: both are vehicles."""
    frames = [make_frame(n, called=None) for n in range(2)]
    frames = [
        replace(f, prediction=Prediction(f.prediction.labels, None, f.prediction.labels))
        for f in frames
    ]
    found = summarise(measured(frames), DESCRIPTION).segmentation
    assert found.mean_iou.value == 0.0
    assert found.category_mean_iou.value == 1.0
    assert found.class_iou["car"] == found.class_iou["truck"] == 0.0
    assert found.class_iou["bus"] is None
    assert found.mean_instance_iou is None


def test_instances_give_an_instance_weighted_iou():
    instances = np.ones(SIZE, np.int32)
    labels = np.full(SIZE, 13, np.uint8)
    frame = make_frame(1, label_truth=labels, instance_truth=instances)
    found = summarise(measured([frame, replace(frame, name="2")]), DESCRIPTION).segmentation
    assert found.mean_instance_iou.value == pytest.approx(1.0)


def test_categories_forgive_confusion_of_instances_within_them():
    """By hand: a car is called truck by half and road by a quarter; a person is found by half."""
    truth = np.zeros((2, 8), np.uint8)
    truth[0], truth[1, :2] = 13, 11  # a car of 8 pixels, a person of 2, road
    instances = np.where(truth == 13, 1, np.where(truth == 11, 2, 0)).astype(np.int32)
    labels = truth.copy()
    labels[0, :4], labels[0, 4:6] = 14, 0
    labels[1, 1], labels[1, 7] = 0, 13  # and a pixel of road is called car
    frame = make_frame(
        1,
        label_truth=truth,
        instance_truth=instances,
        outlier_truth=None,
        called=None,
        prediction=Prediction(labels, None, None),
        size=truth.shape,
    )
    settings = replace(SETTINGS, scores=(), decision=None)
    summary = summarise(measured([frame], settings), DESCRIPTION)
    taxonomy = load_taxonomy("cityscapes")
    car, person = (taxonomy.instance_sizes[i] for i in (13, 11))
    human = 0.5 * person / person
    vehicle = (0.75 * car) / (car + 1)
    found = summary.segmentation.category_mean_instance_iou
    assert found.value == pytest.approx((human + vehicle) / 2, abs=1e-9)
    # By class, the four pixels called truck are misses of the car, and the truck's false alarms.
    classes = (0.5 * person / person, 0.25 * car / (car + 1), 0.0)
    assert summary.segmentation.mean_instance_iou.value == pytest.approx(np.mean(classes))
    assert main_figures(summary)["summary"]["segmentation"]["category_mean_instance_iou"] == {
        "value": found.value,
        "lower": None,
        "upper": None,
    }
    console = Console(record=True, width=300)
    print_figures(console, {"run": summary}, "run")
    assert f"category iIoU {100 * found.value:.2f}" in console.export_text()
    section = segmentation_section([Run("run", Path(), summary, None, ())])
    (row,) = section.tables[0].groups[0].rows
    columns = [column.name for column in section.tables[0].columns]
    assert row.cells[columns.index("Category iIoU")].text == f"{100 * found.value:.2f}"


def test_the_protocol_names_all_that_figures_rest_on():
    settings = replace(SETTINGS, downsample=10, per_image=True)
    protocol = summarise(measured(map(make_frame, range(2)), settings), DESCRIPTION).protocol
    assert protocol == (
        "network at 60x40, measured at 30x20; ranking of one pixel in 10x10; 2 frames, 2 with "
        "outlier truth (12 pixels ranked), 2 with labels; global ranking over all pixels, 65,536 "
        "log-odds bins; pixels of truth 255 ignored; per-image figures are means over frames with "
        "outliers and inliers; 95 % intervals: Poisson bootstrap over frames, 100 replicates"
    )


def test_a_summary_survives_its_file(tmp_path):
    extras = Extras(faults={"undecodable": 2})
    summary = summarise(measured(map(make_frame, range(2))), DESCRIPTION, extras)
    (tmp_path / "summary.json").write_text(to_json(summary))
    assert read_summary(RunSummary, tmp_path / "summary.json") == summary
    with pytest.raises(OpenSetError, match="no results at"):
        read_summary(RunSummary, tmp_path / "none.json")


def test_undefined_figures_are_null():
    blind = make_frame(1, outlier_truth=np.zeros(SIZE, np.uint8), label_truth=None)
    summary = summarise(measured([blind]), DESCRIPTION)
    assert summary.segmentation is None
    assert summary.scores["op"].average_precision.value is None
    assert summary.scores["op"].best_f1_threshold is None
    assert summary.decision.true_positive_rate is None
    assert summary.decision.false_positive_rate is not None
    values = json.loads(to_json(summary))
    assert values["scores"]["op"]["average_precision"]["value"] is None
    assert main_figures(summary)["mean_iou"] is None
