from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.calibration import (
    Calibration,
    WantedRate,
    resolve_threshold,
    temperature_of,
    tempered,
)
from ldn_openset_ros.inference.model_files import read_description


@pytest.fixture
def calibration(calibrated_model) -> Calibration:
    return read_description(calibrated_model).calibration


def test_a_temperature_is_for_one_score(calibration):
    assert temperature_of(calibration, "op_x_msm") == 2.5
    assert temperature_of(calibration, "op") == 1
    assert temperature_of(None, "op_x_msm") == 1


def test_numbers_stand_for_themselves(calibration):
    for known in (calibration, None):
        assert resolve_threshold(0.25, "op", known, "m") == 0.25
        assert resolve_threshold(1, "op_x_msm", known, "m") == 1.0


def test_calibrated_is_the_stored_threshold(calibration):
    assert resolve_threshold("calibrated", "op_x_msm", calibration, "m") == 0.39


def test_without_a_calibration_of_the_score_the_remedy_is_named(calibration):
    with pytest.raises(OpenSetError) as error:
        resolve_threshold("calibrated", "msm", None, "m")
    assert str(error.value) == (
        "threshold is calibrated but model m has no calibration of msm: run `ldn-openset "
        "calibrate MODEL --score msm ...` or give a number"
    )
    with pytest.raises(OpenSetError, match="no calibration of op, only of op_x_msm: run"):
        resolve_threshold("calibrated", "op", calibration, "m")


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan, "high", "0.5"])
def test_other_thresholds_are_refused(calibration, threshold):
    with pytest.raises(OpenSetError, match="give a value from 0 to 1"):
        resolve_threshold(threshold, "op_x_msm", calibration, "m")


def test_a_temperature_draws_probabilities_to_a_half():
    # The odds of 0.2 are 1 : 4, their square root 1 : 2.
    assert tempered(0.2, 2) == pytest.approx(1 / 3)
    assert tempered(0.8, 2) == pytest.approx(2 / 3)
    assert tempered(tempered(0.3, 1.7), 1 / 1.7) == pytest.approx(0.3)
    assert [tempered(p, 5) for p in (0, 0.5, 1)] == [0, 0.5, 1]
    assert [tempered(p, 1e-3) for p in (0.1, 0.9)] == [0, 1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"score": "magic"}, "choose one of op"),
        ({"temperature": 0.0}, "temperature is 0.0: give a value above 0"),
        ({"temperature": math.inf}, "give a value above 0"),
        ({"temperature": math.nan}, "give a value above 0"),
        ({"threshold": 1.5}, "give a value from 0 to 1"),
        ({"ece_after": -0.1}, "ece_after is -0.1: give a value from 0 to 1"),
    ],
)
def test_a_calibration_checks_its_values(calibration, change, reason):
    with pytest.raises(OpenSetError, match=reason):
        replace(calibration, **change)


def test_a_rate_is_a_share():
    with pytest.raises(OpenSetError, match="true_positive_rate is 95: give a value from 0 to 1"):
        WantedRate("true_positive_rate", 95)
