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


def test_nothing_to_measure_is_an_error(predictor):
    frames = [Sample("x", samples(predictor)[0].rgb)]
    with pytest.raises(OpenSetError, match="nothing can be measured"):
        evaluate(predictor, frames, ["op"])
