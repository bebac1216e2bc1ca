"""`ldn-openset evaluate`: measure models over a data set with truth."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.backend import add_backend_options
from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.measures import add_measure_options, measures_of
from ldn_openset_ros.cli.outlier_value import add_outlier_value
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.test_sets import COMPOSED, TEST_SET_NAMES, open_test_set
from ldn_openset_ros.metrics.components import TRACKS
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.score_names import PAPER_SCORES, SCORE_NAMES

if TYPE_CHECKING:
    from rich.table import Table

    from ldn_openset_ros.evaluation.summary import RunSummary

REPORT_FILE = "report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Run models over a data set with truth. Several models or scores give one "
        "table; with -o also one report with their curves side by side."
    )
    parser.add_argument(
        "models",
        nargs="*",
        default=[DEFAULT_MODEL],
        metavar="MODEL",
        help=f"model folder or name, repeatable (default: {DEFAULT_MODEL})",
    )
    parser.add_argument("--dataset", required=True, choices=TEST_SET_NAMES)
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--split", help="split of the data set (default: the one for tests)")
    add_outlier_value(parser, "the maps of the data set `folder`")
    parser.add_argument(
        "--score",
        action="append",
        choices=SCORE_NAMES,
        help=f"outlier score, repeatable (default: {', '.join(PAPER_SCORES)}, the model's own)",
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
    add_backend_options(parser, "torch")
    add_measure_options(parser)
    parser.add_argument(
        "--components",
        choices=tuple(TRACKS),
        help="also SegmentMeIfYouCan's component measures, by the rules of a track; takes a "
        "second pass",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help=f"write results, a folder a model, and {REPORT_FILE}",
    )
    parser.add_argument("--resume", action="store_true", help="go on with what -o holds")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print a table with its protocol, write results and the JSON file."""
    from rich.console import Console

    from ldn_openset_ros.cli.figures import print_figures
    from ldn_openset_ros.cli.plotting import report_writer
    from ldn_openset_ros.evaluation.results_folder import refuse_results
    from ldn_openset_ros.inference.model_files import find_model

    _check(args)
    names = _names(args.models)
    for model in names.values():  # before the first of them is measured
        find_model(model)
    if not args.root.is_dir():
        raise OpenSetError(f"--root: no folder {args.root}: give that of the data set")
    if args.output and not args.resume:
        for name in names:
            refuse_results(args.output / name)
    write_report = report_writer() if args.output else None
    runs = {}
    for name, model in names.items():
        runs[name] = [_evaluate(args, model, name, assay) for assay in range(args.assays)]
    if args.output:
        write_report([args.output / name for name in runs], args.output / REPORT_FILE)
    if args.json:
        write_json(args.json, as_json(args.dataset, runs))
    console = Console()
    if args.assays > 1:
        for name, summaries in runs.items():
            console.print(spread_table(summaries, f"{name} on {args.dataset}"))
            protocol = f"protocol: {summaries[0].protocol}"
            console.print(protocol, highlight=False, markup=False, soft_wrap=True)
    else:
        first = {name: summaries[0] for name, summaries in runs.items()}
        print_figures(console, first, f"{', '.join(runs)} on {args.dataset}")
    if args.output:
        console.print(f"look at {args.output / REPORT_FILE}", highlight=False, soft_wrap=True)
    return 0


def as_json(dataset: str, runs: dict[str, list[RunSummary]]) -> dict:
    """Return the main figures of every run, with all others under `summary`.

    Those of a single model lie on top, and below `assays` where there are several; several models
    lie below `runs`, by name.
    """
    from ldn_openset_ros.evaluation.main_figures import main_figures

    plain = {
        name: figures[0] if len(figures) == 1 else {"assays": figures}
        for name, figures in (
            (name, [main_figures(summary) for summary in summaries])
            for name, summaries in runs.items()
        )
    }
    content = next(iter(plain.values())) if len(plain) == 1 else {"runs": plain}
    return {"dataset": dataset, **content}


def spread_table(summaries: Sequence[RunSummary], title: str) -> Table:
    """Return mean and standard deviation over assays, in per cent."""
    from rich.table import Table

    from ldn_openset_ros.cli.figures import RANKING_COLUMNS
    from ldn_openset_ros.evaluation.spread import spread

    iou = [entry.segmentation.mean_iou.value for entry in summaries if entry.segmentation]
    title += f", {len(summaries)} assays" + (f": mIoU {spread(iou)} %" if iou else "")
    table = Table(title=title)
    table.add_column("score")
    for column in RANKING_COLUMNS:
        table.add_column(column, justify="right")
    for name in summaries[0].scores:
        found = [entry.scores[name] for entry in summaries]
        cells = (
            str(spread(getattr(score, field).value for score in found))
            for field in RANKING_COLUMNS.values()
        )
        table.add_row(name, *cells)
    return table


def _check(args: argparse.Namespace) -> None:
    if args.assays < 1:
        raise OpenSetError(f"--assays is {args.assays}: give 1 or more")
    if args.assays > 1 and args.dataset not in COMPOSED:
        raise OpenSetError(
            f"{args.dataset} is not drawn at random: leave --assays {args.assays} out"
        )
    if args.assays > 1 and args.output:
        args.usage_error("-o takes a single assay: leave --assays out")
    if args.resume and not args.output:
        args.usage_error("--resume needs -o")


def _names(models: Iterable[str]) -> dict[str, str]:
    """Return models by a name of their own: the last part of their paths, numbered where equal."""
    named: dict[str, str] = {}
    for model in models:
        name = Path(model).resolve().name
        number = 1
        while name in named:
            number += 1
            name = f"{Path(model).resolve().name}_{number}"
        named[name] = model
    return named


def _evaluate(args: argparse.Namespace, model: str, name: str, assay: int) -> RunSummary:
    from ldn_openset_ros.cli.progress import with_bar
    from ldn_openset_ros.evaluation.dataset_run import DatasetRun, run_dataset
    from ldn_openset_ros.evaluation.model_choice import ModelChoice

    choice = ModelChoice(
        model=model,
        scores=tuple(args.score or ()),
        device=args.device,
        backend=args.backend,
        precision=args.precision,
        resolution=args.resolution,
        recognition=args.recognition,
    )
    job = DatasetRun(
        dataset=args.dataset,
        split=args.split,
        model=choice,
        measures=measures_of(args),
        track=args.components,
        root=str(args.root.resolve()),
        outlier_value=args.outlier_value,
        output=args.output / name if args.output else None,
        resume=args.resume,
    )
    predictor = choice.load()
    choice.measured_scores(predictor)  # before a data set is opened, which may take long
    samples = open_test_set(args.dataset, args.root, args.split, assay, args.outlier_value)
    return run_dataset(
        job, predictor, samples, lambda frames, what: with_bar(frames, what, len(samples))
    )
