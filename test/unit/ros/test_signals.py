"""What signals do, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

TIMEOUT = 60
SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEAD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from ldn_openset_ros.ros import signals
def say(word):
    print(word, flush=True)
"""
START = "signals.end_at_once(); say('ready'); time.sleep(60)"
ONCE = """
try:
    with signals.interrupted_once(30.0):
        say('ready')
        time.sleep(60)
except KeyboardInterrupt:
    say('interrupted')
time.sleep(0.5)
sys.exit(5)
"""
LOST = """
class Odd:
    def __del__(self):
        say('ready')
        time.sleep(1)
with signals.interrupted_once(0.5):
    odd = Odd()
    del odd  # an interrupt in there is printed and lost
    say('lost')
    time.sleep(60)
"""
BOUNCE = """
with signals.without_bounce():
    try:
        say('ready')
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(0.5)
        say('first')
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        say('later')
        sys.exit(5)
"""

LATE = """
import os
class Late:
    def __init__(self):
        self.write, self.sleep = os.write, time.sleep
    def __del__(self):  # when Python has given signals their default back
        self.write(1, b'late\\n')
        self.sleep(0.5)
        self.write(1, b'done\\n')
late = Late()
signals.ignore_stop_signals()
say('ready')
"""


def start(code: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_at_the_start_it_ends_the_process_without_a_word(number):
    process = start(START)
    process.send_signal(number)
    assert process.communicate(timeout=TIMEOUT) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_the_first_interrupts_and_the_second_does_nothing(first, second):
    process = start(ONCE)
    for number in (first, second):
        process.send_signal(number)
        time.sleep(0.005)
    assert process.stdout.readline() == "interrupted\n"
    process.send_signal(second)
    assert process.communicate(timeout=TIMEOUT) == ("", "")
    assert process.returncode == 5


@pytest.mark.parametrize("number", SIGNALS)
def test_one_that_is_ignored_is_so_while_python_ends(number):
    process = start(LATE)
    assert process.stdout.readline() == "late\n"
    process.send_signal(number)
    assert process.communicate(timeout=TIMEOUT) == ("done\n", "")
    assert process.returncode == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_that_gets_lost_ends_the_process_all_the_same(number):
    process = start(LOST)
    process.send_signal(number)
    output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert "lost" in output or "Exception ignored" in errors


def test_a_second_press_is_an_echo_and_a_later_one_counts():
    process = start(BOUNCE)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    assert process.stdout.readline() == "first\n"
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=TIMEOUT) == ("later\n", "")
    assert process.returncode == 5
