from __future__ import annotations

import threading

import pytest

from ldn_openset_ros.ros.handover import LIMIT, Handover

TIMEOUT = 30


@pytest.fixture
def handover():
    made = Handover("test")
    yield made
    assert made.stop(TIMEOUT)


def test_tasks_run_in_order_in_another_thread(handover):
    done = []
    for number in range(20):
        handover.put(lambda number=number: done.append((number, threading.current_thread().name)))
    assert handover.stop(TIMEOUT)
    assert done == [(number, "test") for number in range(20)]
    assert handover.stop(TIMEOUT), "stopping again is allowed"


def test_whoever_hands_over_too_much_waits(handover):
    allowed, all_put = threading.Event(), threading.Event()
    handover.put(lambda: allowed.wait(TIMEOUT))

    def put_many():
        for _ in range(LIMIT + 1):
            handover.put(lambda: None)
        all_put.set()

    thread = threading.Thread(target=put_many)
    thread.start()
    assert not all_put.wait(0.2)
    allowed.set()
    assert all_put.wait(TIMEOUT)
    thread.join(TIMEOUT)


def test_a_task_that_hangs_is_left_behind(handover):
    allowed = threading.Event()
    handover.put(lambda: allowed.wait(TIMEOUT))
    assert not handover.stop(0.1)
    allowed.set()
