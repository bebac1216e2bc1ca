"""Calibration against known temperatures, an independent fit, and the maps that are published."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.calibration import (
    calibrate,
    fit_temperature,
    published_threshold,
    rates,
)
from ldn_openset_ros.inference.calibration import WantedRate
from ldn_openset_ros.inference.model_files import (
    read_description,
    with_calibration,
    write_description,
)
from ldn_openset_ros.metrics.calibration import reliability
from ldn_openset_ros.metrics.ranking import RankingHistogram

FOUND = WantedRate("true_positive_rate", 0.9)
ALARMS = WantedRate("false_positive_rate", 0.05)


def logistic(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))


def pixels(temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return log-odds, and truth drawn so that they are true with the temperature."""
    rng = np.random.default_rng(5)
    log_odds = rng.normal(-3, 4, 200_000)
    return log_odds, (rng.random(log_odds.size) < logistic(log_odds / temperature)).astype("u1")


def counted(log_odds, outlier) -> RankingHistogram:
    histogram = RankingHistogram()
    histogram.add(np.asarray(log_odds, float), np.asarray(outlier, np.uint8))
    return histogram


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_the_truth_is_found(temperature):
    log_odds, outlier = pixels(temperature)
    fitted = fit_temperature(counted(log_odds, outlier))
    assert fitted == pytest.approx(temperature, rel=0.02)

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = log_odds / math.exp(log_temperature)
        return float(np.logaddexp(0, np.where(outlier == 1, -scaled, scaled)).mean())

    best = minimize_scalar(negative_log_likelihood, bounds=(-3, 3), options={"xatol": 1e-9})
    assert fitted == pytest.approx(math.exp(best.x), rel=1e-4)


def test_the_temperature_makes_the_probability_reliable():
    log_odds, outlier = pixels(3.0)
    histogram = counted(log_odds, outlier)
    before, after = (
        reliability(histogram, temperature).expected_calibration_error()
        for temperature in (1.0, fit_temperature(histogram))
    )
    assert before > 0.05
    assert after < 0.005


def test_pixels_without_an_error_have_no_temperature():
    with pytest.raises(OpenSetError, match="calibrate on more or harder data"):
        fit_temperature(counted([-4, -1, 0.5, 2], [0, 0, 1, 1]))


@pytest.mark.parametrize("truth", [[1, 1, 0, 0], [0, 1, 0, 0]])
def test_a_score_worse_than_a_constant_has_no_temperature(truth):
    with pytest.raises(OpenSetError, match="choose another score or other data"):
        fit_temperature(counted([-2, -1, 1, 1], truth))


def test_thresholds_have_the_wanted_rate_with_the_temperature():
    log_odds, outlier = pixels(2.0)
    histogram = counted(log_odds, outlier)
    published = logistic(log_odds / 2).astype(np.float32)

    found = published_threshold(histogram, 2.0, FOUND)
    assert (published[outlier == 1] >= found).mean() == pytest.approx(0.9, abs=5e-4)
    alarms = published_threshold(histogram, 2.0, ALARMS)
    assert (published[outlier == 0] >= alarms).mean() == pytest.approx(0.05, abs=5e-4)

    for threshold in (found, alarms):
        exact = [(published[outlier == kind] >= threshold).mean() for kind in (1, 0)]
        assert rates(histogram, 2.0, threshold) == pytest.approx(exact, abs=5e-4)
    assert rates(histogram, 2.0, found)[0] >= 0.9
    assert rates(histogram, 2.0, alarms)[1] <= 0.05


def test_every_outlier_can_be_wanted():
    histogram = counted([-30, -3, 5, 0], [1, 1, 1, 0])
    threshold = published_threshold(histogram, 1.0, WantedRate("true_positive_rate", 1.0))
    assert rates(histogram, 1.0, threshold) == (1.0, 1.0)


def test_the_rates_are_those_of_float32_maps():
    """Above log-odds of 17.4 every published probability is 1: no threshold tells them apart."""
    histogram = counted([17.5, 18, 19, -1], [0, 1, 1, 0])
    threshold = published_threshold(histogram, 1.0, WantedRate("true_positive_rate", 0.5))
    assert rates(histogram, 1.0, threshold) == (1.0, 0.5)
    with pytest.raises(OpenSetError, match=r"rate of 0.1 or less.*ask for a higher rate"):
        published_threshold(histogram, 1.0, WantedRate("false_positive_rate", 0.1))
    assert published_threshold(histogram, 1.0, WantedRate("false_positive_rate", 0.5)) < 1


def test_neighbours_in_float32_are_told_apart():
    """At log-odds of 12 hundreds of bins share a float32: the next one keeps the wanted rate."""
    histogram = counted([11.990, 11.991, 12.0, 14.0], [0, 0, 0, 1])
    threshold = published_threshold(histogram, 1.0, WantedRate("false_positive_rate", 0.34))
    found, alarms = rates(histogram, 1.0, threshold)
    assert found == 1
    assert alarms <= 0.34
    none = published_threshold(histogram, 1.0, WantedRate("false_positive_rate", 0.0))
    assert rates(histogram, 1.0, none) == (1.0, 0.0)


@pytest.fixture(scope="module")
def predictor(tiny_model) -> Predictor:
    return Predictor.load(tiny_model, device="cpu")


def frames(predictor: Predictor, score: str) -> list[Sample]:
    """Frames whose truth makes the score's log-odds true with a temperature of 1.5."""
    rng = np.random.default_rng(2)
    made = []
    for number in range(4):
        rgb = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
        log_odds = predictor.log_odds(predictor.infer(rgb), score)
        outlier = (rng.random(log_odds.shape) < logistic(log_odds / 1.5)).astype(np.uint8)
        outlier[:4] = 255
        made.append(Sample(str(number), rgb, outlier=outlier))
    return made


@pytest.mark.parametrize("wanted", [FOUND, ALARMS])
def test_what_is_stored_is_what_the_calibrated_model_does(predictor, tiny_model, tmp_path, wanted):
    samples = frames(predictor, "op_x_msm")
    calibration = calibrate(predictor, {"four frames": samples}, wanted)
    assert calibration.score == "op_x_msm"
    assert calibration.temperature == pytest.approx(1.5, rel=0.1)
    assert calibration.ece_after < calibration.ece_before
    assert (calibration.data, calibration.wanted) == ("four frames", wanted)
    assert (calibration.frames, calibration.pixels) == (4, 4 * 60 * 96)
    assert calibration.resolution == 0

    folder = tmp_path / "m"
    shutil.copytree(tiny_model, folder)
    write_description(folder, with_calibration(read_description(folder), calibration))
    calibrated = Predictor.load(folder, device="cpu", threshold="calibrated")
    maps = [calibrated(sample.rgb) for sample in samples]
    called = np.stack([prediction.open_set == 11 for prediction in maps])
    truth = np.stack([sample.outlier for sample in samples])
    found, alarms = called[truth == 1].mean(), called[truth == 0].mean()
    assert calibration.true_positive_rate == pytest.approx(found, abs=2e-3)
    assert calibration.false_positive_rate == pytest.approx(alarms, abs=2e-3)
    if wanted is FOUND:
        assert 0.9 <= calibration.true_positive_rate < 0.91
    else:
        assert 0.04 < calibration.false_positive_rate <= 0.05
    published = RankingHistogram()
    published.add_probabilities(np.stack([prediction.outlier for prediction in maps]), truth)
    expected = reliability(published).expected_calibration_error()
    assert calibration.ece_after == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("wanted", [FOUND, ALARMS])
def test_of_several_domains_the_worst_decides(predictor, wanted):
    """In the second one half of the outliers are taken for inliers and the other way round."""
    samples = frames(predictor, "op_x_msm")
    flip = np.random.default_rng(3).random(samples[0].outlier.shape) < 0.3
    hard = [
        replace(s, outlier=np.where(flip & (s.outlier < 2), 1 - s.outlier, s.outlier))
        for s in samples
    ]
    both = calibrate(predictor, {"easy": samples, "hard": hard}, wanted)
    assert both.data == "easy; hard"
    assert both.frames == 8
    temperature = both.temperature
    own = {}
    for name, domain in (("easy", samples), ("hard", hard)):
        histogram = RankingHistogram()
        for sample in domain:
            log_odds = predictor.log_odds(predictor.infer(sample.rgb), "op_x_msm")
            histogram.add(log_odds, sample.outlier)
        own[name] = published_threshold(histogram, temperature, wanted)
        found, alarms = rates(histogram, temperature, both.threshold)
        if wanted is FOUND:
            assert found >= 0.9
        else:
            assert alarms <= 0.05
    assert own["easy"] != own["hard"]
    assert both.threshold == own["hard"]
    # What is told is the worst of both.
    assert both.true_positive_rate == pytest.approx(found)
    assert both.false_positive_rate == pytest.approx(alarms)


def test_calibrating_again_starts_from_the_raw_score(predictor, calibrated_model):
    samples = frames(predictor, "op_x_msm")
    again = Predictor.load(calibrated_model, device="cpu")
    assert calibrate(again, {"d": samples}, FOUND) == calibrate(predictor, {"d": samples}, FOUND)


def test_another_score_and_frames_without_truth(predictor):
    samples = frames(predictor, "msm")
    samples += [replace(samples[0], outlier=None)]
    calibration = calibrate(predictor, {"d": samples}, FOUND, "msm")
    assert calibration.score == "msm"
    assert calibration.frames == 4


@pytest.mark.parametrize("value", [0, 1, None])
def test_data_without_both_kinds_of_pixels_is_refused(predictor, value):
    rgb = np.zeros((40, 50, 3), np.uint8)
    outlier = None if value is None else np.full((40, 50), value, np.uint8)
    with pytest.raises(OpenSetError, match=r"holidays has .* pixels: calibrate on data with both"):
        calibrate(predictor, {"holidays": [Sample("x", rgb, outlier=outlier)]}, FOUND)
