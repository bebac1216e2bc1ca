from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import evaluate
from ldn_openset_ros.metrics.ranking import exact_ranking
from ldn_openset_ros.taxonomy import load_taxonomy


@pytest.fixture(scope="module")
def predictor(tiny_model) -> Predictor:
    return Predictor.load(tiny_model, device="cpu")


def samples(predictor) -> list[Sample]:
    """Frames whose labels are the model's own but for a quarter, with random outlier truth."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(3):
        rgb = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        labels = predictor(rgb).labels.copy()
        labels[:12] = 255
        outlier = rng.integers(0, 2, labels.shape).astype(np.uint8)
        outlier[:, :5] = 255
        made.append(Sample(str(number), rgb, labels, outlier))
    return made


def test_a_model_agrees_with_itself(predictor):
    evaluation = evaluate(predictor, samples(predictor), ["op"])
    assert evaluation.mean_iou == 1.0
    assert evaluation.frames == 3


def test_ranking_equals_an_exact_one_over_all_pixels(predictor):
    frames = samples(predictor)
    measured = evaluate(predictor, frames, ["msm"]).ranking["msm"]
    scores = np.stack([predictor.log_odds(predictor.infer(f.rgb), "msm") for f in frames])
    expected = exact_ranking(scores, np.stack([f.outlier for f in frames]))
    assert measured.average_precision == pytest.approx(expected.average_precision, abs=5e-4)
    assert measured.auroc == pytest.approx(expected.auroc, abs=5e-4)
    assert measured.positives == expected.positives == sum((f.outlier == 1).sum() for f in frames)


def test_protocol_names_size_frames_and_ranking(predictor):
    protocol = evaluate(predictor, samples(predictor), ["op"]).protocol
    assert "64x48" in protocol
    assert "3 frames" in protocol
    assert "global ranking" in protocol


def test_figures_without_truth_are_null_in_json(predictor):
    frames = [replace(frame, outlier=None) for frame in samples(predictor)]
    values = json.loads(json.dumps(evaluate(predictor, frames, ["op"]).to_dict(), allow_nan=False))
    assert values["ranking"] == {}
    assert values["mean_iou"] == 1.0


def test_labels_of_other_classes_give_no_mean_iou(predictor):
    frames, cityscapes = samples(predictor), load_taxonomy("cityscapes")
    evaluation = evaluate(predictor, frames, ["op"], taxonomy=cityscapes)
    assert (evaluation.mean_iou, evaluation.class_iou) == (None, None)
    assert evaluation.ranking == evaluate(predictor, frames, ["op"]).ranking
    assert "no mIoU (the truth's classes are those of cityscapes" in evaluation.protocol


def test_a_data_set_tells_its_classes_itself(predictor):
    class Told(list):
        taxonomy = load_taxonomy("cityscapes")

    assert evaluate(predictor, Told(samples(predictor)), ["op"]).mean_iou is None


def test_nothing_to_measure_is_an_error(predictor):
    frames = [Sample("x", samples(predictor)[0].rgb)]
    with pytest.raises(OpenSetError, match="nothing can be measured"):
        evaluate(predictor, frames, ["op"])


def test_ranking_by_size_equals_an_exact_one_over_the_same_pixels(predictor):
    """An outlier of 4x4 and one of 16x16 pixels in each of two frames of 64x48."""
    rng = np.random.default_rng(1)
    truth = np.zeros((48, 64), np.uint8)
    truth[2:6, 2:6] = truth[20:36, 30:46] = 1
    truth[:, 60:] = 255
    rgbs = rng.integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    frames = [Sample(str(n), rgb, outlier=truth) for n, rgb in enumerate(rgbs)]
    edges = (0.001, 0.01, 0.1)
    evaluation = evaluate(predictor, frames, ["op", "msm"], edges)
    assert set(evaluation.by_area) == {"op", "msm"}
    scores = np.stack([predictor.log_odds(predictor.infer(rgb), "op") for rgb in rgbs])
    left_out = (np.s_[20:36, 30:46], np.s_[2:6, 2:6])
    for place, measured in enumerate(evaluation.by_area["op"]):
        assert (measured.lower, measured.upper) == edges[place : place + 2]
        alone = truth.copy()
        alone[left_out[place]] = 255
        expected = exact_ranking(scores, np.stack([alone, alone]))
        assert measured.objects == 2
        assert measured.measures.positives == expected.positives == (32, 512)[place]
        assert measured.measures.negatives == expected.negatives
        for name in ("average_precision", "auroc", "fpr95"):
            found = getattr(measured.measures, name)
            assert found == pytest.approx(getattr(expected, name), abs=5e-4)
    plain = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert [size["objects"] for size in plain["by_area"]["msm"]] == [2, 2]


def test_nothing_is_ranked_by_size_unless_asked_or_without_outlier_truth(predictor):
    frames = samples(predictor)
    assert evaluate(predictor, frames, ["op"]).by_area == {}
    closed = [replace(frame, outlier=None) for frame in frames]
    assert evaluate(predictor, closed, ["op"], (0.1, 0.2)).by_area == {}


def test_a_bin_without_outliers_is_null_in_json(predictor):
    values = evaluate(predictor, samples(predictor), ["op"], (1e-9, 1e-8)).to_dict()
    (empty,) = values["by_area"]["op"]
    assert (empty["objects"], empty["measures"]["positives"]) == (0, 0)
    assert empty["measures"]["average_precision"] is None


def test_a_single_outlier_head_is_ranked_by_op_alone(small_model, predictor):
    single = Predictor.load(small_model("outlier_head"), device="cpu")
    frames = samples(predictor)
    evaluation = evaluate(single, frames, single.usable_scores, (0.0001, 0.5))
    assert (evaluation.mean_iou, evaluation.class_iou) == (None, None)
    assert list(evaluation.ranking) == list(evaluation.by_area) == ["op"]
    scores = np.stack([single.log_odds(single.infer(frame.rgb)) for frame in frames])
    expected = exact_ranking(scores, np.stack([frame.outlier for frame in frames]))
    assert evaluation.ranking["op"].auroc == pytest.approx(expected.auroc, abs=5e-4)
    labelled = [replace(frame, outlier=None) for frame in frames]
    with pytest.raises(OpenSetError, match="no sample has outlier truth: nothing can be measured"):
        evaluate(single, labelled, ["op"])
