"""`ldn-openset evaluate`: measure a model over a data set with truth."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import Evaluation, evaluate
from ldn_openset_ros.evaluation.spread import spread
from ldn_openset_ros.evaluation.test_sets import COMPOSED, TEST_SET_NAMES, open_test_set
from ldn_openset_ros.inference.model_files import DEFAULT_MODEL
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.recognition.registry import RECOGNITION_NAMES
from ldn_openset_ros.scores import SCORE_NAMES, check_score

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
        help=f"outlier score, repeatable (default: {', '.join(DEFAULT_SCORES)}, the model's own)",
    )
    parser.add_argument(
        "--recognition",
        choices=RECOGNITION_NAMES,
        help="recognise in another way on the same heads: odin or mc_dropout",
    )
    parser.add_argument(
        "--assays",
        type=int,
        default=1,
        help="draws of a composed test set, for mean and standard deviation (default: 1)",
    )
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print a table with its protocol, write the JSON file."""
    if args.assays < 1:
        raise OpenSetError(f"--assays is {args.assays}: give 1 or more")
    if args.assays > 1 and args.dataset not in COMPOSED:
        raise OpenSetError(
            f"{args.dataset} is not drawn at random: leave --assays {args.assays} out"
        )
    predictor = Predictor.load(
        args.model, device=args.device, resolution=args.resolution, recognition=args.recognition
    )
    scores = [
        check_score(name, predictor.usable_scores)
        for name in args.score or default_scores(predictor)
    ]
    evaluations = []
    for assay in range(args.assays):
        samples = open_test_set(args.dataset, args.root, args.split, assay)
        frames = tqdm((samples[i] for i in range(len(samples))), total=len(samples), unit="frame")
        evaluations.append(evaluate(predictor, frames, scores))
    console = Console()
    console.print(as_table(evaluations, args.dataset))
    console.print(f"protocol: {evaluations[0].protocol}", highlight=False, soft_wrap=True)
    if args.json:
        values = [evaluation.to_dict() for evaluation in evaluations]
        content = values[0] if args.assays == 1 else {"assays": values}
        write_json(args.json, {"dataset": args.dataset, **content})
    return 0


def default_scores(predictor: Predictor) -> list[str]:
    """Return the paper's scores that the model can give, and the model's own."""
    wanted = dict.fromkeys((*DEFAULT_SCORES, predictor.fusion))
    return [name for name in wanted if name in predictor.usable_scores]


def as_table(evaluations: Sequence[Evaluation], dataset: str) -> Table:
    """Return the figures in per cent, over all assays."""
    title = f"{evaluations[0].model} on {dataset}"
    if len(evaluations) > 1:
        title += f", {len(evaluations)} assays"
    if evaluations[0].mean_iou is not None:
        title += f": mIoU {_cell(entry.mean_iou for entry in evaluations)} %"
    table = Table(title=title)
    for column in ("score", "AP", "AUROC", "FPR95"):
        table.add_column(column, justify="left" if column == "score" else "right")
    for name in evaluations[0].ranking:
        found = [entry.ranking[name] for entry in evaluations]
        measures = ("average_precision", "auroc", "fpr95")
        table.add_row(
            name, *(_cell(getattr(entry, measure) for entry in found) for measure in measures)
        )
    return table


def _cell(fractions: Iterable[float]) -> str:
    measured = spread(fractions)
    single = measured.mean is not None and len(measured.values) == 1
    return f"{measured.mean:.2f}" if single else str(measured)
