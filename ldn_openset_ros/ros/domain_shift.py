"""Whether a camera's frames still look like those that the model was made for. No ROS here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.ros.diagnostics import Level, Report

PATIENCE = 3.0
"""Seconds that every frame must be out of range before it counts."""
MAX_PAUSE = 30.0
"""Seconds without a frame after which those before say nothing."""


class DomainShift:
    """Compare the figures of a camera's frames with the model's own ranges; thread-safe.

    One odd frame is an object, many in a row are fog, night, dirt, or another country.
    """

    def __init__(
        self,
        domain: Domain,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._domain = domain
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._figures: Mapping[str, float] = {}
        self._outside_since: dict[str, float] = {}
        self._last = 0.0

    def add(self, figures: Mapping[str, float]) -> None:
        """Take note of a frame's `Predictor.frame_figures`."""
        with self._lock:
            now = self._clock()
            if now - self._last > MAX_PAUSE:
                self._outside_since.clear()
            self._figures, self._last = figures, now
            for name, (low, high) in self._domain.ranges.items():
                if low <= figures[name] <= high:
                    self._outside_since.pop(name, None)
                else:
                    self._outside_since.setdefault(name, now)

    def report(self) -> Report:
        """Return WARN and the reason where figures have been out of range for the patience."""
        with self._lock:
            figures, last = dict(self._figures), self._last
            outside = {
                name: last - since
                for name, since in self._outside_since.items()
                if last - since >= self._patience and self._clock() - last <= MAX_PAUSE
            }
        values = {}
        for name, (low, high) in self._domain.ranges.items():
            values[name] = f"{figures[name]:.4f}" if figures else "nan"
            values[f"{name}_range"] = f"{low:g} to {high:g}"
        if not outside:
            return Report(Level.OK, "", values)
        reasons = "; ".join(
            f"{name.replace('_', ' ')} is {figures[name]:.3f}, the model's is "
            f"{self._domain.ranges[name][0]:g} to {self._domain.ranges[name][1]:g}"
            for name in outside
        )
        message = (
            f"unlike what the model was made for, since {max(outside.values()):.0f} s: {reasons}"
        )
        return Report(Level.WARN, message, values)
