from __future__ import annotations

from types import SimpleNamespace

from ldn_openset_ros.ros.stamped import KEPT, StampedMessages, stamp_of


def message(stamp_ns: int):
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    stamp = SimpleNamespace(sec=seconds, nanosec=nanoseconds)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp))


def test_the_nearest_within_the_tolerance_is_found():
    messages = StampedMessages()
    assert messages.nearest(0) is None
    for stamp in (1_000_000_000, 1_100_000_000, 1_200_000_000):
        messages.add(message(stamp))
    assert stamp_of(messages.nearest(1_120_000_000)) == 1_100_000_000
    assert messages.nearest(1_251_000_000) is None


def test_only_the_latest_are_kept():
    messages = StampedMessages()
    for number in range(KEPT + 1):
        messages.add(message(number * 1_000_000_000))
    assert messages.nearest(0) is None
    assert stamp_of(messages.nearest(KEPT * 1_000_000_000)) == KEPT * 1_000_000_000
