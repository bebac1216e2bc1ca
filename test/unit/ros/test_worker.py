from __future__ import annotations

import threading

import pytest

from ldn_openset_ros.ros.worker import Worker

TIMEOUT = 30


class Job:
    """Work that waits for permission and keeps what it did."""

    def __init__(self):
        self.started, self.allowed = threading.Event(), threading.Event()
        self.done, self.errors, self.discarded = [], [], []
        self.finished = threading.Semaphore(0)

    def work(self, items):
        (item,) = items
        self.started.set()
        assert self.allowed.wait(TIMEOUT)
        if item == "bad":
            raise ValueError(item)
        self.done.append((item, threading.current_thread()))
        self.finished.release()

    def on_error(self, items, error):
        self.errors.append((items, error))
        self.finished.release()


@pytest.fixture
def job():
    return Job()


@pytest.fixture
def worker(job):
    worker = Worker(job.work, job.on_error, job.discarded.append)
    worker.start()
    yield worker
    job.allowed.set()
    assert worker.stop(TIMEOUT)


def test_only_the_newest_waiting_item_is_worked_on(worker, job):
    worker.put("front", 1)
    assert job.started.wait(TIMEOUT)
    assert [worker.put("front", item) for item in (2, 3, 4)] == [False, True, True]
    job.allowed.set()
    for _ in range(2):
        assert job.finished.acquire(timeout=TIMEOUT)
    assert [item for item, _ in job.done] == [1, 4]
    assert all(thread is not threading.current_thread() for _, thread in job.done)


def test_an_exception_does_not_end_it(worker, job):
    job.allowed.set()
    for item in ("bad", "good"):
        worker.put("front", item)
        assert job.finished.acquire(timeout=TIMEOUT)
    ((items, error),) = job.errors
    assert (items, str(error)) == (["bad"], "bad")
    assert [item for item, _ in job.done] == ["good"]


def test_stop_waits_for_the_item_at_hand_and_drops_the_next(worker, job):
    worker.put("front", 1)
    assert job.started.wait(TIMEOUT)
    worker.put("front", 2)
    assert worker.stop(0.05) is False
    job.allowed.set()
    assert worker.stop(TIMEOUT) is True
    assert [item for item, _ in job.done] == [1]
    assert worker.put("front", 3) is False
    assert job.discarded == [2, 3]
    assert worker.stop(0) is True


def test_stop_before_start():
    assert Worker(print, print, print).stop(0) is True


@pytest.mark.parametrize("ended", [False, True])
def test_it_goes_on_after_a_stop_that_took_too_long(worker, job, ended):
    """Unless its thread has ended by then."""
    assert worker.busy_for() == 0
    worker.put("front", 1)
    assert job.started.wait(TIMEOUT)
    assert worker.busy_for() > 0
    assert not worker.stop(0.05)
    if ended:
        job.allowed.set()
        assert worker.stop(TIMEOUT)
        assert not worker.resume()
        return
    assert worker.resume()
    worker.put("front", 2)
    job.allowed.set()
    for _ in range(2):
        assert job.finished.acquire(timeout=TIMEOUT)
    assert worker.stop(TIMEOUT)
    assert [item for item, _ in job.done] == [1, 2]
    assert job.discarded == []
