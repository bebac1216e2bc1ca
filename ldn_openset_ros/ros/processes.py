"""Nodes as child processes: started with a log, watched, and always stopped. No ROS here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.child import child_command
from ldn_openset_ros.ros.environment import ros_environment

DOMAINS = 100
STOP_SIGNALS = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
"""What a child is sent, and the seconds it then has to end."""
POLL_PERIOD = 0.02

_ERROR_LINE = re.compile(r"\[(ERROR|FATAL)\]|^[\w.]*(Error|Exception)\b|^error: ")
_LOG_PREFIX = re.compile(r"^\[\w+\]( \[[\d.]+\])?( \[[^\]]*\])?:? *")


def isolated_environment(base: Mapping[str, str], process_id: int) -> dict[str, str]:
    """Return the environment of all processes of a run: large images, this machine only.

    The domain is one of 1 to 100, by the process id, so that runs side by side do not mix; a
    ROS_DOMAIN_ID in `base` is kept.
    """
    return {
        "ROS_DOMAIN_ID": str(process_id % DOMAINS + 1),
        **ros_environment(base),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "RCUTILS_COLORIZED_OUTPUT": "0",
        "PYTHONUNBUFFERED": "1",
    }


def parameter_arguments(parameters: Mapping[str, Any], path: Path) -> list[str]:
    """Write a node's parameters to a file; return the arguments that make the node read it."""
    # A file keeps the types, where -p on the command line guesses them: a model's folder may be
    # called 2024. JSON is YAML.
    path.write_text(json.dumps({"/**": {"ros__parameters": dict(parameters)}}, indent=2) + "\n")
    return ["--ros-args", "--params-file", str(path)]


def last_error(log: str) -> str:
    """Return a log's last line that reports an error, without its prefix; else its last line."""
    lines = [line for line in log.splitlines() if line.strip()]
    if not lines:
        return "it wrote nothing"
    errors = [line for line in lines if _ERROR_LINE.search(line)]
    return _LOG_PREFIX.sub("", (errors or lines)[-1]).strip()


class Child:
    """A process that runs a module, its output in a log file."""

    def __init__(
        self, title: str, module: str, arguments: list[str], log: Path, environment: dict[str, str]
    ) -> None:
        """Start it, in a session of its own: Ctrl-C reaches us, who stop it in order."""
        self.title = title
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                child_command(module, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def succeeded(self) -> bool:
        """Whether it has ended by itself with exit code 0."""
        return self._process.poll() == 0

    def check(self) -> None:
        """Raise OpenSetError, with the last error of its log, where it has ended."""
        if not self.running:
            reason = last_error(self.log.read_text(errors="replace"))
            raise OpenSetError(
                f"{self.title} ended with code {self._process.returncode}: {reason} "
                f"(log: {self.log})"
            )

    def send(self, number: signal.Signals) -> None:
        """Send it and its children a signal; one that has ended is left alone."""
        # An ended process that was not waited for keeps its id, so no stranger is ever hit.
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Children:
    """The running children; a context manager that leaves none behind."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self._environment = environment
        self.logs = logs
        self._children: list[Child] = []

    def start(self, title: str, module: str, arguments: list[str]) -> Child:
        """Start a module; its log is named after it."""
        log = self.logs / f"{module.rpartition('.')[2]}.log"
        child = Child(title, module, arguments, log, self._environment)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise OpenSetError where a child has ended."""
        for child in self._children:
            child.check()

    def stop(self) -> None:
        """Stop all children, with ever more force; a second Ctrl-C kills them at once."""
        try:
            for number, seconds in STOP_SIGNALS:
                self._stop_with(number, seconds)
        except BaseException:
            for child in self._children:
                child.send(signal.SIGKILL)
            raise

    def _stop_with(self, number: signal.Signals, seconds: float) -> None:
        for child in self._children:
            child.send(number)
        deadline = time.monotonic() + seconds
        while any(child.running for child in self._children) and time.monotonic() < deadline:
            time.sleep(POLL_PERIOD)

    def __enter__(self) -> Children:
        """Return the still empty group."""
        return self

    def __exit__(self, *exception) -> None:
        """Stop what runs."""
        self.stop()
