from __future__ import annotations

import math

import pytest

from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.ros.diagnostics import Level
from ldn_openset_ros.ros.domain_shift import DomainShift

DOMAIN = Domain(
    ranges={"outlier_share": (0.0, 0.1), "confidence": (0.6, 0.9)},
    fusion="msm",
    threshold=0.5,
    data="streets",
    resolution=0,
    frames=100,
)
ORDINARY = {"outlier_share": 0.05, "confidence": 0.8}
FOG = {"outlier_share": 0.05, "confidence": 0.4}


@pytest.fixture
def shift(clock):
    return DomainShift(DOMAIN, patience=3.0, clock=clock)


def drive(shift, clock, figures, seconds, period=0.5):
    for _ in range(round(seconds / period)):
        clock.now += period
        shift.add(figures)


def test_ordinary_frames_are_fine_and_show_their_figures(shift, clock):
    drive(shift, clock, ORDINARY, 10)
    report = shift.report()
    assert (report.level, report.message) == (Level.OK, "")
    assert report.values == {
        "outlier_share": "0.0500",
        "outlier_share_range": "0 to 0.1",
        "confidence": "0.8000",
        "confidence_range": "0.6 to 0.9",
    }


def test_before_the_first_frame_nothing_is_known(shift):
    report = shift.report()
    assert report.level is Level.OK
    assert math.isnan(float(report.values["confidence"]))


def test_what_lasts_is_warned_of_with_figure_and_range(shift, clock):
    drive(shift, clock, ORDINARY, 5)
    drive(shift, clock, FOG, 3)
    assert shift.report().level is Level.OK, "not yet"
    drive(shift, clock, FOG, 1)
    report = shift.report()
    assert report.level is Level.WARN
    assert "confidence is 0.400, the model's is 0.6 to 0.9" in report.message
    assert "outlier share" not in report.message
    assert "since 4 s" in report.message or "since 3 s" in report.message


def test_one_ordinary_frame_starts_it_anew(shift, clock):
    drive(shift, clock, FOG, 2.5)
    drive(shift, clock, ORDINARY, 0.5)
    drive(shift, clock, FOG, 2.5)
    assert shift.report().level is Level.OK


def test_two_odd_frames_around_a_pause_are_no_shift(shift, clock):
    shift.add(FOG)
    clock.now += 60
    shift.add(FOG)
    assert shift.report().level is Level.OK


def test_once_frames_stop_nothing_is_known_any_more(shift, clock):
    drive(shift, clock, FOG, 10)
    clock.now += 20
    assert shift.report().level is Level.WARN
    clock.now += 20
    assert shift.report().level is Level.OK


def test_a_slow_camera_is_warned_of_as_well(shift, clock):
    drive(shift, clock, FOG, 20, period=5)
    assert shift.report().level is Level.WARN


def test_too_many_outliers_are_warned_of_as_well(shift, clock):
    drive(shift, clock, {"outlier_share": 0.7, "confidence": 0.4}, 5)
    message = shift.report().message
    assert "outlier share is 0.700" in message
    assert "confidence is 0.400" in message
