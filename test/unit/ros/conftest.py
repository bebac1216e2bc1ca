"""Fixtures of what runs beside ROS."""

from __future__ import annotations

import pytest


class Clock:
    """A clock that goes where a test sets it, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until a test moves it."""
    return Clock()
