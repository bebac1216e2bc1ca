from __future__ import annotations

import math

from ldn_openset_ros.evaluation.summary import Estimate
from ldn_openset_ros.report.figures import (
    UNDEFINED,
    count,
    decimal,
    interval,
    percent,
    share_range,
)


def test_figures_are_written_the_same_way_everywhere():
    assert percent(0.82034) == "82.03"
    assert percent(0.0) == "0.00"
    assert percent(1.0) == "100.00"
    assert decimal(0.0001664321) == "0.0001664"
    assert count(1_526_207) == "1,526,207"
    assert share_range(0.0, 0.002) == "0 to 0.2"
    assert interval(Estimate(0.5, 0.4567, 0.61)) == "[45.67, 61.00]"


def test_what_is_not_defined_is_a_dash():
    assert percent(None) == percent(math.nan) == decimal(None) == count(None) == UNDEFINED
    assert interval(Estimate(0.5)) == ""
