"""`ldn-openset evaluate-bag`: measure a model, or recorded outputs, over rosbags with truth."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.backend import add_backend_options
from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.measures import add_measure_options, measures_of
from ldn_openset_ros.cli.outlier_value import add_outlier_value
from ldn_openset_ros.cli.threshold import THRESHOLD_HELP, threshold
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.names import AUTO
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.score_names import SCORE_NAMES

if TYPE_CHECKING:
    from ldn_openset_ros.evaluation.bag_job import BagJob

DEFAULT_OUTPUT = Path("out/evaluate_bag")
REPORT_FILE = "report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Read every frame of rosbag2 recordings (mcap or sqlite3) once, without "
        "playback, and measure what a model makes of the images, or what a node had published "
        "when the bag was recorded. Truth is matched by stamp; without truth there are still "
        "rates, outlier shares and pictures. Whatever is wrong with a message is counted and "
        "named in faults.jsonl. Exit code 0 as soon as some frames could be measured."
    )
    parser.add_argument(
        "bags",
        nargs="+",
        type=Path,
        metavar="BAG",
        help="a bag, a .mcap or .db3 file, or a folder of bags",
    )
    judged = parser.add_mutually_exclusive_group()
    judged.add_argument("--model", help=f"model folder or name (default: {DEFAULT_MODEL})")
    judged.add_argument(
        "--outliers",
        nargs="?",
        const="",
        metavar="TOPIC",
        help="judge recorded outputs in place of running a model; TOPIC holds the outlier "
        "probability (default: found by name and type)",
    )
    topics = parser.add_argument_group("topics (found by name and type unless given)")
    topics.add_argument("--image", metavar="TOPIC", help="images, raw or compressed")
    topics.add_argument("--outlier-truth", metavar="TOPIC", help="0 inlier, 1 outlier, 255 ignore")
    topics.add_argument("--label-truth", metavar="TOPIC", help="train ids, 255 ignore")
    add_outlier_value(topics, "the outlier truth")
    topics.add_argument("--open-set", metavar="TOPIC", help="recorded open-set maps")
    topics.add_argument("--labels", metavar="TOPIC", help="recorded labels")
    chosen = parser.add_argument_group("what the model does")
    chosen.add_argument(
        "--score",
        action="append",
        choices=SCORE_NAMES,
        help="outlier score to measure, repeatable (default: op, msm, op_x_msm and the model's)",
    )
    chosen.add_argument("--fusion", choices=SCORE_NAMES, help="score that decides")
    chosen.add_argument("--threshold", type=threshold, help=THRESHOLD_HELP)
    chosen.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    add_backend_options(chosen, None, "torch, with --live auto")
    add_measure_options(parser)
    parser.add_argument(
        "-o", "--output", type=Path, default=DEFAULT_OUTPUT, help=f"default: {DEFAULT_OUTPUT}"
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted one")
    parser.add_argument(
        "--output-bag",
        type=Path,
        metavar="BAG",
        help="write input, truth and outputs to a bag; "
        "with --live those of the frames that were answered",
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="bags at once (default: 1)"
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="evaluate the bags on a Ray cluster (default: one on this machine)",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="play the bag over DDS through the real node in processes of their own, and measure "
        "what it publishes, its drops, and its latency from the arrival of an image at a "
        "subscriber beside the node to that of the last output",
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=1.0,
        help="speed of --live as a factor of the recorded one, 0.01 to 100 (default: 1)",
    )
    parser.add_argument("--json", type=Path, help="write the summary to this file as well")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the figures, write results and report."""
    from ldn_openset_ros.bags.bag_files import find_bags, unique_bags

    _check_usage(args)
    bags = unique_bags(bag for path in args.bags for bag in find_bags(path))
    # After that, for they take their time.
    from rich.console import Console

    from ldn_openset_ros.cli.figures import live_note, print_figures
    from ldn_openset_ros.cli.plotting import report_writer
    from ldn_openset_ros.evaluation.bag_job import evaluate_bags
    from ldn_openset_ros.evaluation.results_folder import TIMING_FILE
    from ldn_openset_ros.evaluation.summary import TimingSummary, read_summary, to_json

    if args.output_bag is not None and (len(bags) > 1 or args.resume):
        args.usage_error("--output-bag takes one bag, and no --resume")
    write_report = report_writer()
    if args.live:
        if len(bags) > 1:
            args.usage_error("--live takes one bag")
        from ldn_openset_ros.ros.live import evaluate_live

        summary = evaluate_live(_job(args, bags[0]), args.rate)
    else:
        summary = evaluate_bags(_job(args, bags[0]), bags, args.workers, args.ray)
    write_report([args.output], args.output / REPORT_FILE)
    if args.json:
        write_json(args.json, json.loads(to_json(summary)))
    console = Console()
    print_figures(console, {summary.title: summary}, summary.title)
    if args.live:
        timing = read_summary(TimingSummary, args.output / TIMING_FILE)
        console.print(live_note(timing), highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"look at {args.output / REPORT_FILE}", highlight=False, markup=False, soft_wrap=True
    )
    return 0


def main(args: Sequence[str] | None = None) -> int:
    """Run the command on its own: `ros2 run ldn_openset_ros evaluate_bag`."""
    from ldn_openset_ros.cli.main import run_command

    return run_command("evaluate-bag", args)


def _check_usage(args: argparse.Namespace) -> None:
    recorded = args.outliers is not None
    if recorded and (args.score or args.fusion or args.resolution is not None):
        args.usage_error("--score, --fusion and --resolution belong to --model, not to --outliers")
    if not recorded and (args.open_set or args.labels):
        args.usage_error("--open-set and --labels belong to --outliers, not to --model")
    if args.live and (recorded or args.workers > 1 or args.ray or args.resume):
        args.usage_error("--live goes with neither --outliers, --workers, --ray nor --resume")
    if args.live and args.score:
        args.usage_error(
            "--live measures the score that the node publishes: choose it by --fusion"
        )
    if not 0.01 <= args.rate <= 100:
        args.usage_error(f"--rate is {args.rate}: give 0.01 to 100")


def _job(args: argparse.Namespace, bag: Path) -> BagJob:
    from ldn_openset_ros.evaluation.bag_job import BagJob
    from ldn_openset_ros.evaluation.model_choice import ModelChoice

    given = {
        "image": args.image,
        "outlier_truth": args.outlier_truth,
        "label_truth": args.label_truth,
        "outlier_probability": args.outliers,
        "open_set": args.open_set,
        "labels": args.labels,
    }
    recorded = args.outliers is not None
    if recorded and isinstance(args.threshold, str):
        raise OpenSetError("a recorded probability has no calibrated threshold: give a number")
    model = ModelChoice(
        model=args.model or DEFAULT_MODEL,
        scores=tuple(args.score or ()),
        device=args.device,
        backend=args.backend or (AUTO if args.live else "torch"),
        precision=args.precision,
        fusion=args.fusion,
        threshold=args.threshold,
        resolution=args.resolution,
    )
    return BagJob(
        bag=bag,
        output=args.output,
        model=None if recorded else model,
        outlier_value=args.outlier_value,
        topics={name: topic for name, topic in given.items() if topic},
        threshold=args.threshold if recorded else None,
        measures=measures_of(args),
        output_bag=args.output_bag,
        resume=args.resume,
        progress=True,
    )
