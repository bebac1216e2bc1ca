from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.metrics.ranking import exact_ranking
from ldn_openset_ros.ros.demo.tally import Tally
from ldn_openset_ros.taxonomy import load_taxonomy


@pytest.fixture
def tally(taxonomy):
    return Tally(taxonomy, 0.5, 0.5)


def test_without_truth_there_are_no_measures(tally, make_frame):
    tally.add(make_frame())
    assert (tally.frames, tally.ranked, tally.labelled) == (1, 0, 0)
    assert tally.ranking is tally.mean_iou is tally.open_set_mean_iou is None
    assert tally.sizes == {(24, 32)}
    assert not tally.faults


def test_finer_classes_are_folded_into_the_truths(make_frame):
    """A model of Cityscapes before the sample camera, whose truth has CamVid's classes."""
    cityscapes, camvid = load_taxonomy("cityscapes"), load_taxonomy("camvid")
    tally = Tally(cityscapes, 0.5, 0.5, camvid)
    labels = np.zeros((4, 8), np.uint8)  # road; truck, half of it called an outlier
    labels[:, 4:] = cityscapes.names.index("truck")
    outlier = np.zeros((4, 8), np.float32)
    outlier[:, 6:] = 0.9
    open_set = labels.copy()
    open_set[:, 6:] = cityscapes.outlier_id
    rgb = np.zeros((4, 8, 3), np.uint8)
    truth = np.full((4, 8), camvid.names.index("road"), np.uint8)
    truth[:, 4:] = camvid.names.index("car")
    frame = replace(
        make_frame(size=(4, 8)),
        rgb=rgb,
        labels=labels,
        outlier=outlier,
        open_set=open_set,
        overlay=blend_overlay(rgb, open_set, cityscapes, 0.5),
        labels_truth=truth,
    )
    tally.add(frame)
    assert not tally.faults
    assert tally.mean_iou == 1.0
    assert tally.open_set_mean_iou == pytest.approx((1.0 + 0.5) / 2)
    assert tally.note == "classes of cityscapes folded into those of camvid"


def test_truth_of_classes_that_cannot_be_compared_is_not(make_frame):
    tally = Tally(load_taxonomy("camvid"), 0.5, 0.5, load_taxonomy("cityscapes"))
    tally.add(make_frame(labels_truth=np.zeros((24, 32), np.uint8)))
    assert tally.mean_iou is None
    assert "the truth's classes are those of cityscapes" in tally.labels_error


def test_measures_are_over_all_pixels_of_all_frames(tally, taxonomy, make_frame):
    rng = np.random.default_rng(5)
    truths = [rng.choice([0, 0, 0, 1, 255], (24, 32)).astype(np.uint8) for _ in range(2)]
    frames = [make_frame(i, outlier_truth=truth) for i, truth in enumerate(truths)]
    for frame in frames:
        tally.add(frame)
    exact = exact_ranking(np.stack([f.outlier for f in frames]), np.stack(truths))
    assert tally.ranking.average_precision == pytest.approx(exact.average_precision, abs=2e-3)
    assert tally.ranking.auroc == pytest.approx(exact.auroc, abs=1e-3)
    assert tally.ranking.fpr95 == pytest.approx(exact.fpr95, abs=2e-3)
    assert tally.ranking.positives == exact.positives


def test_mean_iou_of_labels_and_of_the_open_set_map(tally, taxonomy, make_frame):
    # Two classes, half of the picture each; the right half of class 1 is called an outlier.
    labels = np.zeros((4, 8), np.uint8)
    labels[:, 4:] = 1
    outlier = np.zeros((4, 8), np.float32)
    outlier[:, 6:] = 0.9
    open_set = labels.copy()
    open_set[:, 6:] = taxonomy.outlier_id
    rgb = np.zeros((4, 8, 3), np.uint8)
    frame = replace(
        make_frame(size=(4, 8)),
        rgb=rgb,
        labels=labels,
        outlier=outlier,
        open_set=open_set,
        overlay=blend_overlay(rgb, open_set, taxonomy, 0.5),
        labels_truth=labels,
    )
    tally.add(frame)
    assert not tally.faults
    assert tally.mean_iou == 1.0
    assert tally.open_set_mean_iou == pytest.approx((1.0 + 0.5) / 2)


def test_faulty_frames_are_counted_and_not_measured(tally, make_frame):
    truth = np.zeros((24, 32), np.uint8)
    for seed in (0, 1):
        frame = make_frame(seed, outlier_truth=truth)
        frame.labels[0, 0] = 9
        tally.add(frame)
    assert tally.frames == 2
    assert tally.ranked == 0
    assert dict(tally.faults) == {"labels hold the id 9, the legend has 3 classes": 2}


def test_truth_of_other_classes_gives_a_reason_instead_of_a_figure(tally, make_frame):
    tally.add(make_frame(labels_truth=np.full((24, 32), 17, np.uint8)))
    assert tally.mean_iou is None
    assert "17" in tally.labels_error
    assert not tally.faults


def test_truth_of_other_values_than_inlier_and_outlier_is_no_fault_of_the_outputs(
    tally, make_frame
):
    tally.add(make_frame(outlier_truth=np.full((24, 32), 7, np.uint8)))
    assert tally.ranking is None
    assert "outlier truth" in tally.outlier_error
    assert not tally.faults
