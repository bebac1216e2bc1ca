"""Lines and files of the plot of cost."""

from __future__ import annotations

import cv2
import pytest

from ldn_openset_ros.benchmark.backends import BackendFigures, BackendRow
from ldn_openset_ros.benchmark.cost import CostFigures
from ldn_openset_ros.benchmark.cost_plot import (
    draw_cost,
    latency_lines,
    memory_lines,
    rate_lines,
)
from ldn_openset_ros.benchmark.first_call import FirstCall, FirstCalls
from ldn_openset_ros.benchmark.floor import Floor
from ldn_openset_ros.benchmark.rate_figures import CameraFigures
from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.errors import OpenSetError


def row(backend: str, ms: float, megabytes: float) -> BackendRow:
    first_calls = FirstCalls(FirstCall(9.0, 999.0), FirstCall(1.0, megabytes))
    return BackendRow(backend, "float32", Timing(ms, 2 * ms), 1.0, 1.0, 0.0, first_calls)


def size(width: int, height: int, *rows: BackendRow) -> BackendFigures:
    return BackendFigures(width, height, 3, Floor(10, 1.0), rows, {})


COST = {
    "small": CostFigures(
        pixels=(
            size(1000, 500, row("torch", 40.0, 100.0), row("ncnn", 10.0, 50.0)),
            size(2000, 1000, row("torch", 160.0, 300.0), row("ncnn", 40.0, 150.0)),
        ),
        cameras=(
            CameraFigures(640, 480, {"": 12.0}),
            CameraFigures(640, 480, {"left": 6.5, "right": 6.0}),
        ),
    )
}


def test_lines_are_those_of_the_figures():
    assert latency_lines(COST) == {
        "small, torch float32": [(0.5, 40.0), (2.0, 160.0)],
        "small, ncnn float32": [(0.5, 10.0), (2.0, 40.0)],
    }
    assert memory_lines(COST)["small, ncnn float32"] == [(0.5, 50.0), (2.0, 150.0)]
    assert rate_lines(COST) == {"small": [(1, 12.0), (2, 12.5)]}


def test_files_are_drawn(tmp_path):
    draw_cost(COST, tmp_path / "cost.png")
    picture = cv2.imread(str(tmp_path / "cost.png"))
    assert picture.shape[1] > 2 * picture.shape[0]
    assert picture.std() > 5
    draw_cost(COST, tmp_path / "cost.svg")
    assert (tmp_path / "cost.svg").read_text().lstrip().startswith("<?xml")


def test_a_missing_folder_is_made_and_a_file_in_its_place_named(tmp_path):
    draw_cost(COST, tmp_path / "new" / "cost.svg")
    assert (tmp_path / "new" / "cost.svg").is_file()
    with pytest.raises(OpenSetError, match=r"cannot write .*cost\.svg/b\.svg: File exists"):
        draw_cost(COST, tmp_path / "new" / "cost.svg" / "b.svg")
