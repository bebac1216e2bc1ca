from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.benchmark.node_figures import NodeFigures
from ldn_openset_ros.benchmark.predictor import time_predictor
from ldn_openset_ros.benchmark.timings import Timing, Timings


def test_parts_keep_their_order_and_their_percentiles():
    timings = Timings()
    for value in range(101):
        timings.add({"network": value / 1e3, "score": 0.002})
    assert timings.summary() == {"network": Timing(50.0, 95.0), "score": Timing(2.0, 2.0)}
    assert list(timings.summary()) == ["network", "score"]


def test_ratio_and_overhead_are_those_of_the_medians():
    figures = NodeFigures(
        width=64,
        height=48,
        frames=3,
        predictor={"total": Timing(200.0, 300.0)},
        node={"total": Timing(205.0, 310.0)},
        end_to_end=Timing(220.0, 400.0),
    )
    assert figures.ratio == 1.1
    assert figures.overhead_ms == 20.0


def test_stages_of_the_predictor_add_up(tiny_model):
    predictor = Predictor.load(tiny_model, device="cpu")
    seconds = time_predictor(predictor, np.zeros((48, 64, 3), np.uint8))
    total = seconds.pop("total")
    assert list(seconds) == ["pre_process", "network", "score"]
    assert sum(seconds.values()) == pytest.approx(total)
    assert all(value > 0 for value in seconds.values())
