"""Sums of shares: exact in any order, and as near to the true mean as can be seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.shares import mean_of_units, to_units


def test_known_shares():
    assert to_units(np.array([0, 0.5, 1])).tolist() == [0, 2**39, 2**40]
    assert mean_of_units(2**39 + 2**40, 2) == 0.75
    assert math.isnan(mean_of_units(0, 0))


def test_sums_do_not_depend_on_the_order_as_those_of_floats_do():
    shares = np.random.default_rng(0).random(10_001)
    assert math.fsum(shares) != sum(shares)
    units = to_units(shares)
    assert sum(units.tolist()) == units[::-1].sum() == units[:3000].sum() + units[3000:].sum()
    assert mean_of_units(units.sum(), len(shares)) == pytest.approx(
        math.fsum(shares) / len(shares), abs=1e-12
    )


@pytest.mark.parametrize("share", [-0.1, 1.001, math.nan, math.inf])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(OpenSetError, match=r"outside \[0, 1\], or NaN"):
        to_units(np.array([0.5, share]))
