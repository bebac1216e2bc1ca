from __future__ import annotations

import pytest

from ldn_openset_ros.ros.diagnostics import Level, Report
from ldn_openset_ros.ros.node_status import (
    ACTIVE,
    FINALIZED,
    INACTIVE,
    UNCONFIGURED,
    node_status,
)

FRAMES = Report(Level.WARN, "2 frames were older than max_age", {"frames_received": "7"})


@pytest.mark.parametrize(
    ("state", "enabled", "failure", "level", "message"),
    [
        (UNCONFIGURED, True, "", Level.STALE, "unconfigured: configure the node"),
        (UNCONFIGURED, True, "no model", Level.ERROR, "unconfigured: no model"),
        (INACTIVE, True, "", Level.STALE, "inactive: activate the node"),
        (FINALIZED, True, "", Level.STALE, "finalized: start the node again"),
        (ACTIVE, False, "", Level.OK, "disabled by ~/enable"),
        (ACTIVE, True, "", Level.WARN, "2 frames were older than max_age"),
    ],
)
def test_state_goes_before_frames(state, enabled, failure, level, message):
    status = node_status(state, enabled, failure, FRAMES, {"model": "m"})
    assert (status.level, status.message) == (level, message)
    assert status.values == {
        "state": state,
        "enabled": str(enabled).lower(),
        "model": "m",
        "frames_received": "7",
    }


@pytest.mark.parametrize(("busy", "level"), [(9.0, Level.WARN), (12.4, Level.ERROR)])
def test_a_frame_that_keeps_the_network_busy_is_a_fault(busy, level):
    status = node_status(ACTIVE, True, "", FRAMES, {}, busy)
    assert status.level == level
    assert ("kept the network busy for 12 s" in status.message) == (level == Level.ERROR)
