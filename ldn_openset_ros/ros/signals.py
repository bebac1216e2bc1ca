"""Signals that end a node, put off or ignored where they would do harm. No ROS here."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back(*signals: signal.Signals) -> Iterator[None]:
    """Deliver signals at the end of the block rather than in the middle.

    A KeyboardInterrupt in the middle of the import of NumPy or torch is lost, or ends the process
    with a trace or an abort: they do not expect one.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def ignored(*signals: signal.Signals) -> Iterator[None]:
    """Ignore signals in the block; from the main thread."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
