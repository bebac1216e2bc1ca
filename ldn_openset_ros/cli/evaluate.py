"""`ldn-openset evaluate`: measure a model over a data set with truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.evaluation.evaluate import Evaluation, evaluate
from ldn_openset_ros.evaluation.test_sets import TEST_SET_NAMES, open_test_set
from ldn_openset_ros.inference.model_files import DEFAULT_MODEL
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.scores import SCORE_NAMES

DEFAULT_SCORES = ("op", "msm", "op_x_msm")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser("evaluate", help="measure a model over a data set")
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, help="model folder or name")
    parser.add_argument("--dataset", required=True, choices=TEST_SET_NAMES)
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--split", help="split of the data set (default: test)")
    parser.add_argument(
        "--score",
        action="append",
        choices=SCORE_NAMES,
        help=f"outlier score, repeatable (default: {', '.join(DEFAULT_SCORES)})",
    )
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print a table with its protocol, write the JSON file."""
    predictor = Predictor.load(args.model, device=args.device, resolution=args.resolution)
    samples = open_test_set(args.dataset, args.root, args.split)
    frames = tqdm((samples[i] for i in range(len(samples))), total=len(samples), unit="frame")
    evaluation = evaluate(predictor, frames, args.score or default_scores(predictor))
    console = Console()
    console.print(as_table(evaluation, args.dataset))
    console.print(f"protocol: {evaluation.protocol}", highlight=False, soft_wrap=True)
    if args.json:
        values = {"dataset": args.dataset, **evaluation.to_dict()}
        write_json(args.json, values)
    return 0


def default_scores(predictor: Predictor) -> list[str]:
    """Return the paper's scores, without those that the model cannot give."""
    return [name for name in DEFAULT_SCORES if name in predictor.usable_scores]


def as_table(evaluation: Evaluation, dataset: str) -> Table:
    """Return the figures in per cent."""
    title = f"{evaluation.model} on {dataset}"
    if evaluation.mean_iou is not None:
        title += f": mIoU {100 * evaluation.mean_iou:.2f} %"
    table = Table(title=title)
    for column in ("score", "AP", "AUROC", "FPR95"):
        table.add_column(column, justify="left" if column == "score" else "right")
    for name, measures in evaluation.ranking.items():
        values = (measures.average_precision, measures.auroc, measures.fpr95)
        table.add_row(name, *(f"{100 * value:.2f}" for value in values))
    return table
