"""The model that ships: small, whole, and as good on real data as its card says."""

from __future__ import annotations

import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.evaluation.evaluate import evaluate
from ldn_openset_ros.evaluation.test_sets import open_test_set
from ldn_openset_ros.inference.model_files import WEIGHTS_FILE, find_model
from ldn_openset_ros.resources import DEFAULT_MODEL


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
    evaluation = evaluate(predictor, (samples[i] for i in range(0, 233, 8)), [predictor.fusion])
    assert evaluation.mean_iou > 0.6
    assert evaluation.ranking[predictor.fusion].average_precision > 0.76
    assert evaluation.ranking[predictor.fusion].fpr95 < 0.06


def test_finds_real_anomalies_on_foreign_roads(predictor, data_root):
    samples = open_test_set("road_anomaly", data_root / "road_anomaly_dev")
    evaluation = evaluate(predictor, (samples[i] for i in range(20)), [predictor.fusion])
    assert evaluation.ranking[predictor.fusion].average_precision > 0.52
    assert evaluation.ranking[predictor.fusion].fpr95 < 0.3


def test_is_calibrated_for_its_own_score(predictor):
    assert predictor.resolve_threshold("calibrated") == predictor.threshold
    assert predictor.temperature() != 1.0
