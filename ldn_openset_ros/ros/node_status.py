"""How the node as a whole is, for diagnostics. No ROS here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ldn_openset_ros.ros.diagnostics import Level, Report

UNCONFIGURED, INACTIVE, ACTIVE = "unconfigured", "inactive", "active"
FINALIZED = "finalized"
"""States of a managed node."""

LONG = 10.0
"""Seconds after which a frame that still keeps the network busy is a fault."""


@dataclass(frozen=True)
class Status:
    """A diagnostic status of the node.

    part: what it is of: "recognition", or the name of a camera. level: a name of `Level`.
    """

    part: str
    level: str
    message: str
    values: dict[str, str]


def node_status(
    state: str,
    enabled: bool,
    failure: str,
    frames: Report | None,
    running: Mapping[str, str],
    busy: float = 0.0,
) -> Report:
    """Return level, message and values of the node.

    state: UNCONFIGURED, INACTIVE, ACTIVE or FINALIZED. failure: why the last configure failed;
    empty where it did not. frames: how the frames of a camera fare, which counts while the node is
    active and enabled; None while there are no cameras. running: values of what runs. busy:
    seconds that the frame at hand has taken so far.
    """
    frames = frames or Report(Level.STALE, "", {})
    level, message = frames.level, frames.message
    if state == UNCONFIGURED:
        level = Level.ERROR if failure else Level.STALE
        message = f"{state}: {failure or 'configure the node'}"
    elif state == INACTIVE:
        level, message = Level.STALE, f"{state}: activate the node"
    elif state == FINALIZED:
        level, message = Level.STALE, f"{state}: start the node again"
    elif busy > LONG:
        level = Level.ERROR
        message = (
            f"a frame has kept the network busy for {busy:.0f} s: if it lasts, lower the "
            "resolution or start the node again"
        )
    elif not enabled:
        level, message = Level.OK, "disabled by ~/enable"
    values = {"state": state, "enabled": str(enabled).lower(), **running, **frames.values}
    return Report(level, message, values)


def statuses_of(statuses: Iterable[Any], node: str) -> list[Status]:
    """Return the node's own among the `status` of a diagnostic_msgs/DiagnosticArray."""
    prefix = f"{node.lstrip('/')}: "
    return [
        Status(
            part=status.name.removeprefix(prefix),
            level=Level(ord(status.level)).name,
            message=status.message,
            values={entry.key: entry.value for entry in status.values},
        )
        for status in statuses
        if status.name.startswith(prefix)
    ]
