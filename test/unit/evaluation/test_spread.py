from __future__ import annotations

import math

import pytest

from ldn_openset_ros.evaluation.spread import spread


def test_mean_and_standard_deviation_of_a_sample_in_per_cent():
    measured = spread([0.1, 0.2, 0.3])
    assert measured.mean == pytest.approx(20)
    assert measured.standard_deviation == pytest.approx(10)
    assert measured.values == (10, 20, 30)
    assert str(measured) == "20.0 ± 10.0"


def test_a_single_value_has_no_spread():
    assert str(spread([0.1234])) == "12.3"
    assert spread([0.1234]).standard_deviation == 0


def test_what_is_not_defined_is_left_out():
    assert spread([None, 0.5, math.nan]).values == (50,)
    assert str(spread([None])) == "-"
    assert spread([]).mean is None


def test_a_single_defined_value_among_several_has_no_spread():
    measured = spread([0.25, math.nan, None])
    assert (measured.mean, measured.standard_deviation, str(measured)) == (25.0, 0.0, "25.0")


def test_figures_are_rounded_to_a_thousandth_of_a_per_cent():
    measured = spread([1 / 3, 2 / 3])
    assert measured.values == (33.333, 66.667)
    assert (measured.mean, measured.standard_deviation) == (50.0, 23.571)


def test_a_generator_is_enough_and_zero_is_defined():
    assert spread(value for value in (0.0, 0.0)).values == (0.0, 0.0)
    assert str(spread([0.0, 0.0])) == "0.0 ± 0.0"
