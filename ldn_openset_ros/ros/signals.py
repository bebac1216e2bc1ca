"""What SIGINT and SIGTERM do to a process, from its first line to its last. No ROS here."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
BOUNCE = 1.0
"""Seconds within which a second Ctrl-C is the first one's echo."""


def end_at_once() -> None:
    """Have a stop signal end the process without a word, exit code 0, from now on.

    For the start, while nothing is held that others would miss. A KeyboardInterrupt in the middle
    of the import of NumPy or torch is lost, or ends the process with a trace or an abort: they do
    not expect one.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: os._exit(0))


@contextmanager
def interrupted_once(grace: float) -> Iterator[None]:
    """Have the first stop signal of the block raise KeyboardInterrupt; all others do nothing.

    Where the block lasts for `grace` seconds more, since the interrupt got lost in an import or
    foreign code is at work, the process ends with exit code 0. Signals after the block do nothing
    either, to the process's end: it is over by then, and Python would print a trace. From the main
    thread.
    """
    left = False
    signalled = False

    def end_late() -> None:
        time.sleep(grace)
        if not left:
            os._exit(0)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal signalled
        if not signalled and not left:
            signalled = True
            # A `threading.Thread` takes locks that the interrupted code may hold.
            _thread.start_new_thread(end_late, ())
            raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        left = True


def ignore_stop_signals() -> None:
    """Have them do nothing to the process's end.

    A handler of ours would not last: Python gives signals their deadly default back when it ends.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def without_bounce() -> Iterator[None]:
    """Have a Ctrl-C within BOUNCE seconds of the one before do nothing, in the block.

    After a block that it ended a Ctrl-C does nothing: the process is about to end, and Python
    would print a trace. Where SIGINT is ignored or somebody else's, and in other threads, all
    stays as it is.
    """
    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if before is not signal.default_int_handler or not in_main_thread:
        yield
        return
    last = float("-inf")

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > BOUNCE:
            last = now
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        before = signal.SIG_IGN
        raise
    finally:
        signal.signal(signal.SIGINT, before)
