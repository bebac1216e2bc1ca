from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.temporal_smoothing import TemporalSmoothing

SECOND = 10**9


def flat(value, size=(2, 3)):
    return np.full(size, value, np.float32)


def test_off_by_default_the_map_is_returned_as_it_is():
    smoothing = TemporalSmoothing()
    for value in (0.9, 0.1):
        probability = flat(value)
        assert smoothing.update(probability, 0) is probability


def test_a_step_is_approached_by_the_weight_a_frame():
    smoothing = TemporalSmoothing(0.5)
    values = [
        smoothing.update(flat(v), n * SECOND // 10)[0, 0] for n, v in enumerate([1, 0, 0, 0])
    ]
    assert values == [1, 0.5, 0.25, 0.125]
    assert smoothing.update(flat(1), SECOND // 2).dtype == np.float32


def test_flicker_comes_to_its_mean():
    smoothing = TemporalSmoothing(0.9)
    values = [smoothing.update(flat(n % 2), n * SECOND // 30)[0, 0] for n in range(120)]
    assert values[-2:] == pytest.approx([0.9 / 1.9, 1 / 1.9], abs=1e-3)


@pytest.mark.parametrize(
    ("stamp_ns", "size"), [(4 * SECOND, (2, 3)), (8 * SECOND, (2, 3)), (5 * SECOND, (3, 2))]
)
def test_forgets_after_a_jump_back_a_gap_and_another_size(stamp_ns, size):
    smoothing = TemporalSmoothing(0.5)
    smoothing.update(flat(1), 5 * SECOND)
    np.testing.assert_array_equal(smoothing.update(flat(0, size), stamp_ns), flat(0, size))
    np.testing.assert_array_equal(smoothing.update(flat(1, size), stamp_ns), flat(0.5, size))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_never_spreads(bad):
    smoothing = TemporalSmoothing(0.5)
    holed = flat(1)
    holed[0, 1] = bad
    first = smoothing.update(holed, 0)
    np.testing.assert_array_equal(first, holed)
    np.testing.assert_array_equal(smoothing.update(flat(0), 1), [[0.5, 0, 0.5], [0.5, 0.5, 0.5]])
    # The past stands where a later frame has none.
    np.testing.assert_array_equal(
        smoothing.update(holed, 2), [[0.75, 0, 0.75], [0.75, 0.75, 0.75]]
    )
    np.testing.assert_array_equal(
        smoothing.update(flat(0.75), 3), [[0.75, 0.375, 0.75], [0.75, 0.75, 0.75]]
    )


def test_the_frames_maps_are_left_alone():
    smoothing = TemporalSmoothing(0.5)
    frames = [flat(1), flat(0), flat(0)]
    smoothed = [smoothing.update(frame, n) for n, frame in enumerate(frames)]
    assert [frame[0, 0] for frame in frames] == [1, 0, 0]
    assert [frame[0, 0] for frame in smoothed] == [1, 0.5, 0.25]


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_weight_that_never_takes_in_a_frame_is_refused(weight):
    with pytest.raises(OpenSetError, match="0 \\(off\\) or a value below 1"):
        TemporalSmoothing(weight)
