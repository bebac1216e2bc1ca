from __future__ import annotations

from ldn_openset_ros.benchmark.rate_figures import CameraFigures, RateFigures


def test_lost_is_what_did_not_come_out_in_full():
    figures = RateFigures(
        64, 48, 10.0, sent=100, received=98, processed=95, replaced=3, answered=94
    )
    assert figures.lost == 6


def test_rates_of_cameras_add_up():
    assert CameraFigures(64, 48, {"left": 3.25, "right": 3.1}).total_hz == 6.35
