from __future__ import annotations

import pytest

from ldn_openset_ros.ros.continuity import Continuity

SIZE = (480, 640)


@pytest.mark.parametrize(
    ("stamp_ns", "size", "goes_on"),
    [
        (10_100_000_000, SIZE, True),
        (10_000_000_000, SIZE, True),
        (12_000_000_000, SIZE, True),
        (12_000_000_001, SIZE, False),
        (9_999_999_999, SIZE, False),
        (10_100_000_000, (640, 480), False),
    ],
)
def test_a_frame_goes_on_within_two_seconds_at_the_same_size(stamp_ns, size, goes_on):
    continuity = Continuity()
    assert not continuity.goes_on(10_000_000_000, SIZE)
    assert continuity.goes_on(stamp_ns, size) is goes_on


def test_a_slow_camera_goes_on_at_its_own_pace():
    continuity = Continuity()
    seconds = [0, 3.3, 6.6, 12.0, 12.1, 15.0]
    goes_on = [continuity.goes_on(round(s * 1e9), SIZE) for s in seconds]
    assert goes_on == [False, False, True, True, True, False]
    assert continuity.gap == pytest.approx(2.9)
    assert continuity.patience == pytest.approx(5.8)


def test_nothing_counts_after_half_a_minute():
    continuity = Continuity()
    assert [continuity.goes_on(s * 10**9, SIZE) for s in (0, 29, 58, 89)] == [
        False,
        False,
        True,
        False,
    ]


def test_after_a_jump_it_goes_on_from_the_new_frame():
    continuity = Continuity(max_gap=0.5)
    stamps = [10**9, 14 * 10**8, 10**8, 5 * 10**8, 2 * 10**9]
    assert [continuity.goes_on(s, SIZE) for s in stamps] == [False, True, False, True, False]
