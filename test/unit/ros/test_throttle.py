from __future__ import annotations

from ldn_openset_ros.ros.throttle import Throttle


def test_one_event_of_a_kind_passes_a_period_and_the_others_are_counted():
    now = 100.0
    throttle = Throttle(5.0, clock=lambda: now)
    assert [throttle.admit("bad") for _ in range(4)] == [1, 0, 0, 0]
    assert throttle.admit("failed") == 1
    now = 104.9
    assert throttle.admit("bad") == 0
    now = 105.0
    assert throttle.admit("bad") == 5
    assert throttle.admit("bad") == 0
    now = 200.0
    assert throttle.admit("failed") == 1
    assert throttle.admit("bad") == 2
