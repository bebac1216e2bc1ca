"""The executables: each imports its node's module, which takes a second, and runs it.

A signal that comes meanwhile ends the process at once.
"""

from __future__ import annotations

from importlib import import_module

from ldn_openset_ros.ros.signals import end_at_once


def player() -> int:
    """Run the node `player`; return the exit code."""
    return _run("player")


def sample_camera() -> int:
    """Run the node `sample_camera`; return the exit code."""
    return _run("sample_camera")


def media_camera() -> int:
    """Run the node `media_camera`; return the exit code."""
    return _run("media_camera")


def web_view() -> int:
    """Run the node `openset_web`; return the exit code."""
    return _run("web_view")


def _run(module: str) -> int:
    end_at_once()
    return import_module(f"ldn_openset_ros.ros.{module}").main()
