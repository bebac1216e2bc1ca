from __future__ import annotations

import os
import signal

import pytest

from ldn_openset_ros.ros.signals import held_back


def test_a_signal_comes_at_the_end_of_the_block():
    done = []

    def work():
        with held_back(signal.SIGINT):
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the block"]


def test_other_signals_stay_as_they_were():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with held_back(signal.SIGTERM):
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before | {signal.SIGTERM}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
