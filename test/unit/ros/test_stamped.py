from __future__ import annotations

from types import SimpleNamespace

from ldn_openset_ros.ros import stamped
from ldn_openset_ros.ros.stamped import KEPT, StampedMessages, stamp_of


def message(stamp_ns: int):
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    stamp = SimpleNamespace(sec=seconds, nanosec=nanoseconds)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), data=bytes(10))


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
        messages.add(message(1 + number))
    assert stamp_of(messages.nearest(0)) == 2


def test_the_partner_of_a_frame_is_there_when_the_network_is_through():
    messages = StampedMessages()
    for number in range(31):
        messages.add(message(number * 33_000_000))
    assert stamp_of(messages.nearest(0)) == 0


def test_old_messages_and_those_of_a_clock_that_jumped_go():
    messages = StampedMessages()
    for seconds in (50, 51, 53, 10):
        messages.add(message(seconds * 1_000_000_000))
        if seconds == 53:
            assert messages.nearest(50_000_000_000) is None
            assert stamp_of(messages.nearest(51_000_000_000)) == 51_000_000_000
    assert messages.nearest(53_000_000_000) is None
    assert stamp_of(messages.nearest(10_000_000_000)) == 10_000_000_000


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(stamped, "KEPT_BYTES", 25)
    messages = StampedMessages()
    for number in range(3):
        messages.add(message(number))
    assert stamp_of(messages.nearest(0)) == 1
