"""`ldn-openset benchmark`: how fast it is here, as ratios of figures taken in one run."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ldn_openset_ros.cli.backend import add_backend_options
from ldn_openset_ros.cli.benchmark_tables import markdown_document, rich_table
from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.sizes import size
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.folders import write_text
from ldn_openset_ros.inference.backends.names import AUTO, PRECISIONS_OF
from ldn_openset_ros.resources import DEFAULT_MODEL

PARTS = ("start", "backends", "stages", "cost", "node")
DEFAULT_PARTS = ("backends", "stages", "node")
RANDOM_NAMES = ("ldn121", "ldn161", "ldn169", "ldn201")
DEFAULT_SIZE = (1920, 1080)
DEFAULT_INPUTS = ((480, 360), (1024, 512), (1280, 720))
COST_SIZES = ((320, 180), (640, 360), (960, 540), (1280, 720), (1920, 1080))
CAMERA_COUNTS = (1, 2, 4)
PLOT_SUFFIXES = (".svg", ".png")
_size = partial(size, example="1920x1080")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Measure side by side, in one run, and print ratios. backends: the network alone by each "
        "backend and precision that is installed, beside eager PyTorch and the floor of its "
        "arithmetic. stages: the Predictor from a camera's message to the overlay. node: the real "
        "node, a process of its own with all image outputs subscribed, beside the Predictor, and "
        "at a fixed rate. cost: latency and memory against pixels, rate against cameras. start: "
        "commands and node beside plain Python. doc/performance.md says how to read the figures. "
        "Nothing leaves this machine. Let nothing else run meanwhile."
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help=f"model folder or name, repeatable (default: {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--random",
        nargs="+",
        default=[],
        choices=RANDOM_NAMES,
        metavar="NAME",
        help=f"also these networks with random weights: {', '.join(RANDOM_NAMES)}",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        default=DEFAULT_PARTS,
        choices=PARTS,
        metavar="PART",
        help=f"of {', '.join(PARTS)} (default: {' '.join(DEFAULT_PARTS)})",
    )
    parser.add_argument(
        "--size",
        nargs="+",
        default=[DEFAULT_SIZE],
        type=_size,
        metavar="WxH",
        help=f"sizes of the frames of stages and node (default: {_texts([DEFAULT_SIZE])})",
    )
    parser.add_argument(
        "--input",
        nargs="+",
        default=DEFAULT_INPUTS,
        type=_size,
        metavar="WxH",
        help=f"sizes of the network's input for backends (default: {_texts(DEFAULT_INPUTS)})",
    )
    parser.add_argument(
        "--cost-size",
        nargs="+",
        default=COST_SIZES,
        type=_size,
        metavar="WxH",
        help=f"sizes of the network's input for cost (default: {_texts(COST_SIZES)})",
    )
    parser.add_argument(
        "--cameras",
        nargs="+",
        type=int,
        default=CAMERA_COUNTS,
        metavar="N",
        help=f"numbers of cameras for cost (default: {' '.join(map(str, CAMERA_COUNTS))})",
    )
    parser.add_argument("--frames", type=int, default=20, help="frames of each size (default: 20)")
    parser.add_argument(
        "--compare",
        nargs="+",
        choices=tuple(PRECISIONS_OF),
        metavar="BACKEND",
        help="of backends, these beside eager torch (default: all)",
    )
    add_backend_options(parser, default=f"{AUTO}; not for the part backends")
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    parser.add_argument("--hz", type=float, default=10.0, help="fixed rate for node (default: 10)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        help="of the fixed rate, and of each number of cameras (default: 10)",
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    parser.add_argument("--plot", type=Path, help="draw cost into this .svg or .png file")


def run(args: argparse.Namespace) -> int:
    """Measure, print tables, write the files that were asked for."""
    from rich.console import Console

    from ldn_openset_ros.cli.benchmark_run import BenchmarkRun
    from ldn_openset_ros.cli.plotting import check_matplotlib

    check_arguments(args)
    if args.plot:
        check_matplotlib("--plot")
    console = Console()
    logs = Path(tempfile.mkdtemp(prefix="ldn_benchmark_"))
    tables = []
    try:
        benchmark = BenchmarkRun(args, logs)
        for table in benchmark.tables():
            console.print(rich_table(table))
            tables.append(table)
    except BaseException:
        if not any(logs.glob("*.log")):  # else the error names one
            shutil.rmtree(logs)
        raise
    shutil.rmtree(logs)
    if args.json:
        write_json(args.json, benchmark.values)
    if args.markdown:
        write_text(args.markdown, markdown_document(benchmark.machine, tables))
    if args.plot:
        from ldn_openset_ros.benchmark.cost_plot import draw_cost

        draw_cost(benchmark.costs, args.plot)
    return 0


def check_arguments(args: argparse.Namespace) -> None:
    """Raise OpenSetError for arguments that cannot be measured."""
    if args.frames < 1:
        raise OpenSetError(f"--frames is {args.frames}: give at least 1")
    if min(args.cameras) < 1:
        raise OpenSetError(f"--cameras is {min(args.cameras)}: give at least 1")
    for name in ("hz", "seconds"):
        value = getattr(args, name)
        if not 0 < value < float("inf"):
            raise OpenSetError(f"--{name} is {value:g}: give a number above 0")
    if args.plot and "cost" not in args.parts:
        raise OpenSetError("--plot draws the part cost: add it to --parts")
    if args.plot and args.plot.suffix not in PLOT_SUFFIXES:
        raise OpenSetError(f"--plot is {args.plot}: give a file that ends in .svg or .png")


def _texts(sizes: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{width}x{height}" for width, height in sizes)
