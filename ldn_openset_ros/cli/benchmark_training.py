"""`ldn-openset benchmark-training`: how fast an experiment trains, beside a plain loop."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.data_root import add_data_option
from ldn_openset_ros.cli.json_file import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from ldn_openset_ros.benchmark.training import TrainingFigures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.description = (
        "Train a few steps as an experiment file says and by a plain loop (no cache, no workers, "
        "contiguous layout, not compiled), in turns in one run, and print samples per second, "
        "their ratio and where the time goes. Nothing is validated or written. Let nothing else "
        "run meanwhile."
    )
    parser.add_argument("config", type=Path, help="YAML file of the experiment")
    parser.add_argument(
        "--steps", type=int, default=24, help="measured steps of each loop (default: 24)"
    )
    add_data_option(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--json", type=Path, help="write the figures to this file")


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON file."""
    from rich.console import Console

    from ldn_openset_ros.benchmark.training import benchmark_training
    from ldn_openset_ros.inference.backends.registry import choose_device
    from ldn_openset_ros.training.settings import read_training_settings

    settings = read_training_settings(args.config)
    device = str(choose_device(args.device))
    figures = benchmark_training(settings, args.data, device, args.steps)
    if args.json:
        write_json(args.json, {**asdict(figures), "speedup": figures.speedup})
    console = Console()
    console.print(table_of(figures))
    rounds = ", ".join(f"{speedup:.2f}" for speedup in figures.round_speedups)
    console.print(
        f"as given over plain: {figures.speedup:.2f} times the samples per second (median of the "
        f"rounds {rounds})",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def table_of(figures: TrainingFigures) -> Table:
    """Return the two loops side by side."""
    from rich.table import Table

    height, width = figures.crop
    table = Table(
        title=f"{figures.experiment}: {figures.steps} steps of {figures.batch_size} crops of "
        f"{width}x{height}, {figures.device}, {figures.threads} threads"
    )
    loops = (figures.plain, figures.given)
    table.add_column("")
    for name in ("plain loop", "as given"):
        table.add_column(name, justify="right")
    table.add_row("samples per second", *(f"{loop.samples_per_second:.2f}" for loop in loops))
    table.add_row(
        "network waits for data",
        *(f"{loop.waiting_share:.1%}" for loop in loops),
        end_section=True,
    )
    for stage in figures.plain.stages:
        timings = (loop.stages[stage] for loop in loops)
        table.add_row(
            f"{stage.replace('_', ' ')}, ms p50 / p95",
            *(f"{timing.p50_ms:.1f} / {timing.p95_ms:.1f}" for timing in timings),
        )
    return table
