"""Tables of given figures."""

from __future__ import annotations

import io

from rich.console import Console

from ldn_openset_ros.benchmark.backends import BackendFigures, BackendRow
from ldn_openset_ros.benchmark.first_call import FirstCall, FirstCalls
from ldn_openset_ros.benchmark.floor import Floor
from ldn_openset_ros.benchmark.machine import Machine, this_machine
from ldn_openset_ros.benchmark.node_figures import NodeFigures
from ldn_openset_ros.benchmark.rate_figures import CameraFigures, RateFigures
from ldn_openset_ros.benchmark.start import StartFigures, StartTime
from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.cli.benchmark_tables import (
    FigureTable,
    backends_table,
    cameras_table,
    markdown_document,
    markdown_table,
    node_table,
    pixels_table,
    rate_table,
    rich_table,
    start_table,
)

ROWS = (
    BackendRow(
        "torch",
        "float32",
        Timing(200.04, 210.0),
        1.0,
        2.0,
        0.0,
        FirstCalls(FirstCall(0.3, 60.2), FirstCall(0.25, 60.0)),
    ),
    BackendRow(
        "openvino",
        "bfloat16",
        Timing(50.0, 55.0),
        4.001,
        0.5,
        0.0123,
        FirstCalls(FirstCall(9.0, 300.0), FirstCall(0.5, 90.4)),
    ),
)
FIGURES = BackendFigures(
    1000, 500, 20, Floor(10_000_000_000, 1e11), ROWS, {"openvino int8": "no file"}
)


def test_backends():
    table = backends_table("small", FIGURES)
    assert table.title == "small: network alone, input 1000x500, 20 frames"
    assert table.rows == (
        ("torch float32", "200.0 / 210.0", "1.00", "2.00", "0", "0.30 / 0.25", "60"),
        ("openvino bfloat16", "50.0 / 55.0", "4.00", "0.50", "1.2e-02", "9.00 / 0.50", "90"),
    )
    assert table.caption.startswith("floor 100.0 ms: 10.00 G multiply-adds at 100.0 G/s. ")
    assert "Winograd" in table.caption
    assert table.caption.endswith(". Without openvino int8: no file")


def test_cost_against_pixels_and_cameras():
    pixels = pixels_table("small", [FIGURES])
    assert pixels.rows[1] == (
        "1000x500",
        "openvino bfloat16",
        "50.0 / 55.0",
        "100",
        "4.00",
        "90",
    )
    rates = {"left": 6.54, "right": 6.06}
    cameras = cameras_table("small", [CameraFigures(640, 480, rates)])
    assert cameras.rows == (("2", "640x480", "6.1", "6.5", "12.6"),)


def test_node_and_rate():
    figures = NodeFigures(
        width=64,
        height=48,
        frames=3,
        predictor={"network": Timing(10.0, 11.0), "total": Timing(20.0, 22.0)},
        node={"decode": Timing(1.0, 2.0), "network": Timing(10.5, 12.0)},
        end_to_end=Timing(22.0, 25.0),
    )
    table = node_table("small", figures)
    assert table.rows == (
        ("decode", "", "1.0 / 2.0"),
        ("network", "10.0 / 11.0", "10.5 / 12.0"),
        ("total", "20.0 / 22.0", ""),
        ("end to end", "", "22.0 / 25.0"),
    )
    assert table.caption == "node end to end over Predictor alone: 1.100 (+2.0 ms)"
    rate = rate_table("small", [RateFigures(64, 48, 10.0, 100, 99, 97, 2, 96)])
    assert rate.rows == (("64x48", "10", "100", "99", "97", "2", "4"),)


def test_start():
    figures = StartFigures(
        3, StartTime(0.02, 0.03), StartTime(0.05, 0.06), StartTime(1.6, 1.7), StartTime(2, 2.1)
    )
    rows = start_table(figures).rows
    assert rows[1] == ("ldn-openset --help", "0.050", "0.060", "2.50", "0.031")


def test_markdown():
    table = FigureTable("a title", ("what", "ms"), (("x", "1.0"), ("y", "2.0")), "a caption")
    assert markdown_table(table) == (
        "**a title**\n\n| what | ms |\n|---|--:|\n| x | 1.0 |\n| y | 2.0 |\n\na caption\n"
    )
    machine = Machine("A processor", 2, 1, "3.11.7", {"torch": "2.13.0"})
    document = markdown_document(machine, [table])
    assert document.startswith(
        "A processor, 2 cores, 1 threads; Python 3.11.7, torch 2.13.0\n\n**a title**"
    )


def test_terminal():
    table = FigureTable("a title", ("what", "ms"), (("x", "1.0"),), "a caption")
    console = Console(file=io.StringIO(), width=60)
    console.print(rich_table(table))
    shown = console.file.getvalue()
    for text in ("a title", "what", "1.0", "a caption"):
        assert text in shown


def test_this_machine_has_a_processor_and_torch():
    machine = this_machine()
    assert machine.processor
    assert machine.cores >= 1
    assert machine.versions["torch"].startswith("2.")
