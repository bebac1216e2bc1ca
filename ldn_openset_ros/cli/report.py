"""`ldn-openset report`: one HTML file for people on the results of evaluations."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT_OUTPUT = Path("report.html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="results folder that evaluate or evaluate-bag wrote with -o; several are compared",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        help=f"file to write (default: {DEFAULT_OUTPUT})",
    )


def run(args: argparse.Namespace) -> int:
    """Read the results folders and write the file."""
    from ldn_openset_ros.cli.plotting import report_writer

    write_report = report_writer()
    write_report(args.runs, args.output)
    return 0
