"""The model that ships: small, whole, and as good on real data as its card says."""

from __future__ import annotations

import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.evaluation.evaluate import evaluate
from ldn_openset_ros.evaluation.test_sets import open_test_set
from ldn_openset_ros.inference.model_files import DEFAULT_MODEL, WEIGHTS_FILE, find_model


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load(DEFAULT_MODEL)


def test_weights_stay_below_15_megabytes():
    assert (find_model(DEFAULT_MODEL) / WEIGHTS_FILE).stat().st_size < 15e6


def test_model_card_is_there():
    card = (find_model(DEFAULT_MODEL) / "README.md").read_text()
    for word in ("Data", "Command", "Seed", "Duration", "Protocol", "mIoU", "FPR95"):
        assert word in card


def test_segments_camvid_and_finds_pasted_horses(predictor, data_root):
    samples = open_test_set("camvid_horses", data_root)
    evaluation = evaluate(predictor, (samples[i] for i in range(0, 233, 8)), ["op_x_msm"])
    assert evaluation.mean_iou > 0.52
    assert evaluation.ranking["op_x_msm"].average_precision > 0.6
    assert evaluation.ranking["op_x_msm"].fpr95 < 0.13
