from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bootstrap import (
    BATCH,
    PoissonBootstrap,
    frame_weights,
    percentile_interval,
)

REPLICATES = 400


def counted(frames: range) -> PoissonBootstrap:
    """Frames of one number each: 0 or 1, by turns."""
    bootstrap = PoissonBootstrap((2,), REPLICATES)
    for number in frames:
        weights = frame_weights("bag", str(number), REPLICATES)
        bootstrap.add(weights, np.array([1, number % 2]))
    return bootstrap


def test_weights_are_poisson_and_belong_to_the_frame_alone():
    first, again, other = (frame_weights("a", name, 20_000) for name in ("7", "7", "8"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, frame_weights("b", "7", 20_000))
    assert first.mean() == pytest.approx(1, abs=0.03)
    assert first.var() == pytest.approx(1, abs=0.05)
    assert (first == 0).mean() == pytest.approx(math.exp(-1), abs=0.01)


def test_sums_are_weights_times_counts():
    bootstrap = PoissonBootstrap((2, 2), 3)
    bootstrap.add(np.array([0, 1, 2]), np.array([[1, 2], [3, 4]]))
    bootstrap.add(np.array([1, 1, 0]), np.array([[10, 0], [0, 0]]))
    assert bootstrap.sums.tolist() == [[[10, 0], [0, 0]], [[11, 2], [3, 4]], [[2, 4], [6, 8]]]
    assert bootstrap.frames == 2


def test_interval_of_a_share_is_the_binomial_one():
    """200 frames, half of them 1: the standard error of the share is 0.5 / sqrt(200)."""
    lower, upper = percentile_interval(ones / n for n, ones in counted(range(200)).sums)
    error = 0.5 / math.sqrt(200)
    assert lower == pytest.approx(0.5 - 1.96 * error, abs=0.02)
    assert upper == pytest.approx(0.5 + 1.96 * error, abs=0.02)


def test_shards_in_any_order_and_a_round_trip_give_the_same_sums():
    whole = counted(range(3 * BATCH + 5))
    first, second = counted(range(BATCH + 2)), counted(range(BATCH + 2, 3 * BATCH + 5))
    second.merge(first)
    again = PoissonBootstrap.from_arrays(second.to_arrays())
    assert np.array_equal(again.sums, whole.sums)
    assert again.frames == whole.frames == 3 * BATCH + 5
    again.add(frame_weights("bag", "new", REPLICATES), np.array([1, 0]))
    assert again.sums[:, 0].sum() > whole.sums[:, 0].sum()


def test_undefined_replicates_are_left_out_unless_they_are_the_most():
    assert percentile_interval([math.nan, 0.25, 0.25]) == (0.25, 0.25)
    assert percentile_interval([math.nan, math.nan, 0.25]) is None
    assert percentile_interval([]) is None


def test_other_shapes_are_refused():
    with pytest.raises(OpenSetError, match="cannot be merged"):
        PoissonBootstrap((2,), 3).merge(PoissonBootstrap((3,), 3))


def test_no_replicates_survive_a_round_trip():
    bootstrap = PoissonBootstrap((2, 3), 0)
    bootstrap.add(frame_weights("bag", "0", 0), np.ones((2, 3), np.int64))
    again = PoissonBootstrap.from_arrays(bootstrap.to_arrays())
    again.merge(bootstrap)
    assert (again.sums.shape, again.frames) == ((0, 2, 3), 2)


def test_names_that_are_no_utf_8_have_weights():
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert frame_weights(name, "0", 5).shape == (5,)
