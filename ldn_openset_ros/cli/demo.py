"""`ldn-openset demo`: camera and node as processes of their own, recorded, measured, pictured."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.sizes import size
from ldn_openset_ros.cli.threshold import THRESHOLD_HELP, threshold
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.score_names import SCORE_NAMES

if TYPE_CHECKING:
    from rich.table import Table

    from ldn_openset_ros.ros.demo.summary import Summary

DEFAULT_OUTPUT = Path("out/demo")
DEFAULT_SECONDS = 30.0

MEASURES = {
    "AP": "average_precision",
    "AUROC": "auroc",
    "FPR95": "fpr95",
    "mIoU": "mean_iou",
    "open-set mIoU": "open_set_mean_iou",
}
"""Names of the measures in the table, and in the summary."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Start a camera and the node as separate processes, record all outputs over "
        "DDS on this machine, and write pictures, a video and summary.json. Ctrl-C ends the "
        "recording and still writes what came. Exit code 0 only if outputs came and were valid."
    )
    parser.add_argument(
        "--source",
        help="bag, video, folder of pictures or camera device (default: the sample camera)",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="model folder or name")
    parser.add_argument(
        "--seconds",
        type=_positive,
        default=DEFAULT_SECONDS,
        help=f"length of the recording (default: {DEFAULT_SECONDS:g})",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=DEFAULT_OUTPUT, help=f"default: {DEFAULT_OUTPUT}"
    )
    parser.add_argument("--device", help="auto, cpu or cuda:N")
    parser.add_argument("--fusion", choices=SCORE_NAMES)
    parser.add_argument("--threshold", type=threshold, help=THRESHOLD_HELP)
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    parser.add_argument("--rate", type=_positive, help="frames per second; bags have their own")
    parser.add_argument("--seed", type=int, help="of the sample camera's scenes")
    parser.add_argument("--size", type=size, metavar="WxH", help="of the sample camera's frames")
    parser.add_argument(
        "--start-timeout",
        type=_positive,
        default=120.0,
        metavar="SECONDS",
        help="how long to wait for the first outputs (default: 120)",
    )
    parser.add_argument("--json", type=Path, help="write the summary to this file as well")


def run(args: argparse.Namespace) -> int:
    """Record, measure, write; return 0 if outputs came and were valid."""
    from rich.console import Console

    from ldn_openset_ros.inference.model_files import find_model, read_description
    from ldn_openset_ros.ros.demo.report import SUMMARY_FILE, report
    from ldn_openset_ros.ros.demo.sources import find_source
    from ldn_openset_ros.ros.demo.spool import FrameSpool
    from ldn_openset_ros.ros.processes import isolated_environment
    from ldn_openset_ros.taxonomy import Taxonomy

    taxonomy = Taxonomy.from_dict(read_description(find_model(args.model)).taxonomy)
    width, height = args.size or (None, None)
    camera = _given(rate=args.rate, seed=args.seed, width=width, height=height)
    source = find_source(args.source, camera)
    node = _given(
        model=args.model,
        device=args.device,
        fusion=args.fusion,
        threshold=args.threshold,
        resolution=args.resolution,
    )
    environment = isolated_environment(os.environ, os.getpid())
    # Middleware and children must agree, and the middleware reads it in this process too.
    os.environ.update(environment)
    try:
        from ldn_openset_ros.ros.demo.recording import RecordingSettings, record
    except ImportError as error:
        raise OpenSetError(
            f"the demo needs ROS 2 ({error}): run `pip install 'ldn_openset_ros[ros]'`, or source "
            "your ROS installation"
        ) from None
    logs = _prepare(args.output)
    with FrameSpool(args.output / "recorded_frames") as spool:
        settings = RecordingSettings(node, args.seconds, args.start_timeout, logs, environment)
        recording = record(source, settings, spool)
        summary = report(source, recording, spool, taxonomy, args.output)
    for path in filter(None, (args.output / SUMMARY_FILE, args.json)):
        write_json(path, summary.to_dict())
    console = Console()
    console.print(as_table(summary))
    for line in (f"protocol: {summary.protocol}", f"look at {args.output}"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if not summary.valid:
        raise OpenSetError("; ".join(summary.problems))
    return 0


def as_table(summary: Summary) -> Table:
    """Return the figures, measures in per cent; what could not be had gives its reason."""
    from rich.table import Table

    table = Table(title=f"{summary.node['model']} on {summary.source}")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("frames in", str(summary.frames_in))
    table.add_row("processed", str(summary.processed))
    table.add_row("dropped", str(summary.dropped))
    rate = summary.rate_hz
    table.add_row("rate", summary.missing["rate_hz"] if rate is None else f"{rate:.2f} Hz")
    table.add_section()
    for stage, latency in summary.latency_ms.items():
        cell = summary.missing.get(f"latency_ms.{stage}")
        if latency is not None:
            cell = f"{latency.p50_ms:.1f} / {latency.p95_ms:.1f} ms"
        table.add_row(f"{stage.replace('_', ' ')}: median / p95", cell)
    table.add_section()
    for name, field in MEASURES.items():
        value = getattr(summary, field)
        table.add_row(name, summary.missing[field] if value is None else f"{100 * value:.2f} %")
    return table


def _given(**values) -> dict:
    return {name: value for name, value in values.items() if value is not None}


def _prepare(output: Path) -> Path:
    from ldn_openset_ros.ros.demo.report import clear

    logs = output / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        clear(output)
    except OSError as error:
        raise OpenSetError(f"cannot write to {output}: {error.strerror}") from None
    return logs


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


_positive.__name__ = "number"
