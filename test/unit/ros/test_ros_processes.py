from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros import processes
from ldn_openset_ros.ros.environment import profiles_variable
from ldn_openset_ros.ros.processes import Children, isolated_environment, last_error

TIMEOUT = 60.0

SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN if "deaf" in sys.argv else lambda *_: sys.exit(0))
print("ready", *sys.argv[1:], flush=True)
time.sleep(600)
"""
FAILURE = """
import sys
print("[INFO] [1.5] [openset]: loading", flush=True)
print("[FATAL] [1764.25] [openset]: no model 'x': give a folder", flush=True)
print("bye", flush=True)
sys.exit(3)
"""


@pytest.fixture
def children(tmp_path, monkeypatch):
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    (tmp_path / "failure.py").write_text(FAILURE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with Children(environment, tmp_path) as group:
        yield group


def wait_until(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_the_environment_keeps_to_this_machine_and_to_a_domain_of_its_own():
    environment = isolated_environment({"HOME": "/home/me"}, 1234)
    assert environment["HOME"] == "/home/me"
    assert environment["ROS_DOMAIN_ID"] == "35"
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert Path(environment[profiles_variable({})]).is_file()
    assert {int(isolated_environment({}, i)["ROS_DOMAIN_ID"]) for i in range(200)} == set(
        range(1, 101)
    )


def test_a_domain_that_the_user_chose_is_kept():
    environment = isolated_environment(
        {"ROS_DOMAIN_ID": "7", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, 1234
    )
    assert environment["ROS_DOMAIN_ID"] == "7"
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"


def test_the_last_error_of_a_log_is_found_without_its_prefix():
    log = "[INFO] [1.0] [node]: a\n[ERROR] [1.0] [node]: first\n[FATAL] [2.5] [node]: second\nend"
    assert last_error(log) == "second"
    assert last_error("Traceback\n  File x\nrclpy.exceptions.FooException: bar\n") == (
        "rclpy.exceptions.FooException: bar"
    )
    assert last_error("[FATAL] [openset]: bad option\n") == "bad option"
    assert last_error("Killed\n\n") == "Killed"
    assert last_error("") == "it wrote nothing"


def test_a_running_child_gets_its_arguments_and_stops_on_the_first_signal(children, tmp_path):
    child = children.start("the sleeper", "sleeper", ["-x", "a b"])
    wait_until(lambda: text_of(tmp_path / "sleeper.log"))
    assert text_of(tmp_path / "sleeper.log") == "ready -x a b\n"
    children.check()
    start = time.monotonic()
    children.stop()
    assert not child.running
    assert time.monotonic() - start < processes.STOP_SIGNALS[0][1]


def test_a_deaf_child_is_stopped_with_more_force(children, tmp_path, monkeypatch):
    signals = ((signal.SIGINT, 0.2), (signal.SIGTERM, TIMEOUT))
    monkeypatch.setattr(processes, "STOP_SIGNALS", signals)
    child = children.start("the sleeper", "sleeper", ["deaf"])
    wait_until(lambda: text_of(tmp_path / "sleeper.log"))
    children.stop()
    assert not child.running
    with pytest.raises(OpenSetError, match=f"code -{int(signal.SIGTERM)}"):
        child.check()


def test_an_early_end_is_reported_with_the_childs_own_words(children, tmp_path):
    children.start("the node", "failure", [])
    wait_until(lambda: "bye" in text_of(tmp_path / "failure.log"))
    with pytest.raises(OpenSetError) as error:
        wait_until(lambda: children.check())
    assert str(error.value) == (
        "the node ended with code 3: no model 'x': give a folder "
        f"(log: {tmp_path / 'failure.log'})"
    )


def test_children_stop_when_the_block_ends_in_an_error(children, tmp_path):
    started = []

    def fail_with_a_child():
        with Children({**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path) as group:
            started.append(group.start("the sleeper", "sleeper", []))
            wait_until(lambda: text_of(tmp_path / "sleeper.log"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_with_a_child()
    assert not started[0].running


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path):
    (tmp_path / "sleeper.py").write_text(SLEEPER + "\n")
    code = (
        "import os, subprocess, sys, time;"
        "from ldn_openset_ros.ros.child import child_command;"
        "child = subprocess.Popen(child_command('sleeper'));"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    try:
        lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        assert "ready" in lines
        pid = int((lines - {"ready"}).pop())
        os.kill(pid, 0)
    finally:
        parent.kill()
        parent.wait()
    # The orphan belongs to init now, which may take a moment to bury it.
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid))


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
