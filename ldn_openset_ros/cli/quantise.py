"""`ldn-openset quantise`: a copy of a model in int8, and what that costs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.outlier_value import add_outlier_value
from ldn_openset_ros.cli.sizes import size
from ldn_openset_ros.data.registry import FOLDER
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.test_sets import TEST_SET_NAMES, open_test_set
from ldn_openset_ros.inference.backends.names import AUTO

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from ldn_openset_ros.evaluation.quantisation import Loss
    from ldn_openset_ros.inference.predictor import Predictor

DEFAULT_FRAMES = 100
MAX_SIZES = 4
"""As many as a node keeps; frames of more sizes ask for a choice."""
NAMES = {"average_precision": "AP", "fpr95": "FPR95", "mean_iou": "mIoU"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Copy a model's folder and add its network in int8 for OpenVINO, by NNCF's post-training "
        "quantisation: the scales come from frames as the vehicle will see them, without truth. "
        "Then measure float32 and int8 on test sets and print what is lost. Afterwards `backend: "
        "openvino` and `precision: int8` run the copy. Nothing leaves this machine."
    )
    parser.add_argument("model", help="model folder or name of a shipped model")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--dataset", choices=TEST_SET_NAMES, help="frames to calibrate on; needs --root"
    )
    source.add_argument("--images", type=Path, metavar="DIR", help="or a folder of pictures")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where the data set lies")
    parser.add_argument("--split", help="split of the data set (default: its test split)")
    parser.add_argument(
        "--frames",
        type=int,
        default=DEFAULT_FRAMES,
        metavar="N",
        help=f"evenly spread over the data set (default: {DEFAULT_FRAMES}, or all)",
    )
    parser.add_argument(
        "--size",
        nargs="+",
        type=size,
        metavar="WxH",
        help="of the network's input, a file each (default: what the frames to calibrate and to "
        f"test on have at the model's resolution, at most {MAX_SIZES})",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="new folder of the copy"
    )
    parser.add_argument(
        "--test",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "DIR"),
        help="measure on this data set, as `evaluate --dataset NAME --root DIR` does; repeatable",
    )
    add_outlier_value(parser, "the maps of data sets `folder`")
    parser.add_argument("--json", type=Path, help="write the losses to this file")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Copy, quantise, measure, print the losses, write the JSON file."""
    from rich.console import Console

    from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
    from ldn_openset_ros.inference.backends.quantisation import check_libraries, quantise
    from ldn_openset_ros.inference.model_files import copy_model, find_model
    from ldn_openset_ros.inference.predictor import Predictor, resized

    folder = find_model(args.model)
    check_libraries()
    if args.output.exists():
        raise OpenSetError(f"{args.output} exists: choose another --output")
    samples = _open_samples(args)
    tests = {name: _open(args, name, Path(root)) for name, root in args.test}
    predictor = Predictor.load(folder, device="cpu")
    frames = [samples[i].rgb for i in spread(len(samples), args.frames)]
    sizes = args.size or _sizes(predictor, frames, tests.values())
    copy_model(folder, args.output, without=("int8_*",))  # those are of another calibration
    network = PixelNetwork.read(folder)
    paths = []
    for width, height in sizes:
        inputs = [resized(frame, (height, width)) for frame in frames]
        paths.append(quantise(network, inputs, args.output))
    found = {name: _measure(args, name, test, predictor.fusion) for name, test in tests.items()}
    if args.json:
        losses = {
            name: {measure: asdict(loss) for measure, loss in losses.items()}
            for name, losses in found.items()
        }
        write_json(
            args.json,
            {
                "model": predictor.name,
                "score": predictor.fusion,
                "sizes": [f"{width}x{height}" for width, height in sizes],
                "frames": len(frames),
                "tests": losses,
            },
        )
    console = Console()
    for path in paths:
        console.print(
            f"{path}: calibrated on {len(frames)} frames", highlight=False, soft_wrap=True
        )
    if found:
        console.print(table_of(found, predictor.fusion))
    else:
        console.print("loss not measured: give a test set by --test", highlight=False)
    return 0


def spread(count: int, wanted: int) -> list[int]:
    """Return the numbers of `wanted` of `count` frames, evenly spread, or of all."""
    number = min(count, wanted)
    return [index * count // number for index in range(number)]


def table_of(found: dict[str, dict[str, Loss]], score: str) -> Table:
    """Return the measures of both precisions in per cent, a row each."""
    from rich.table import Table

    table = Table(title=f"float32 and int8, score {score}, per cent")
    for column in ("test set", "measure", "float32", "int8", "loss"):
        table.add_column(column, justify="left" if column in ("test set", "measure") else "right")
    for name, losses in found.items():
        for measure, loss in losses.items():
            values = (f"{100 * value:.2f}" for value in (loss.float32, loss.int8, loss.loss))
            table.add_row(name, NAMES[measure], *values)
        table.add_section()
    return table


def _open_samples(args: argparse.Namespace) -> Sequence[Sample]:
    from ldn_openset_ros.data.folder import PictureFolder

    if args.frames < 1:
        raise OpenSetError(f"--frames is {args.frames}: give at least 1")
    unknown = [name for name, _ in args.test if name not in TEST_SET_NAMES]
    if unknown:
        args.usage_error(f"--test {unknown[0]}: choose {', '.join(TEST_SET_NAMES)}")
    if args.images:
        return PictureFolder(args.images)
    if not args.root:
        args.usage_error("--dataset needs --root")
    return _open(args, args.dataset, args.root, args.split)


def _open(
    args: argparse.Namespace, name: str, root: Path, split: str | None = None
) -> Sequence[Sample]:
    value = args.outlier_value if name == FOLDER else None
    return open_test_set(name, root, split, outlier_value=value)


def _sizes(
    predictor: Predictor, frames: Sequence[np.ndarray], tests: Sequence[Sequence[Sample]]
) -> list[tuple[int, int]]:
    from ldn_openset_ros.inference.predictor import network_size

    shapes = {frame.shape[:2] for frame in frames}
    shapes |= {test[index].rgb.shape[:2] for test in tests for index in range(len(test))}
    sizes = {network_size(shape, predictor.resolution)[::-1] for shape in shapes}
    if len(sizes) > MAX_SIZES:
        raise OpenSetError(
            f"the frames have {len(sizes)} sizes at resolution {predictor.resolution}, and each "
            "takes a file of its own: give those you need by --size"
        )
    return sorted(sizes)


def _measure(
    args: argparse.Namespace, name: str, samples: Sequence[Sample], score: str
) -> dict[str, Loss]:
    from ldn_openset_ros.cli.progress import with_bar
    from ldn_openset_ros.evaluation.dataset_run import DatasetRun, run_dataset
    from ldn_openset_ros.evaluation.measurement import MeasureSettings
    from ldn_openset_ros.evaluation.model_choice import ModelChoice
    from ldn_openset_ros.evaluation.quantisation import losses

    summaries = []
    for precision in ("float32", "int8"):
        choice = ModelChoice(
            str(args.output), (score,), device="cpu", backend=AUTO, precision=precision
        )
        job = DatasetRun(name, None, choice, MeasureSettings((), replicates=0))
        summaries.append(
            run_dataset(
                job,
                choice.load(),
                samples,
                lambda frames, what, precision=precision: with_bar(
                    frames, f"{name}, {precision}", len(samples)
                ),
            )
        )
    if summaries[0].class_mismatch:
        sys.stderr.write(f"{name}: {summaries[0].class_mismatch}\n")
    return losses(*summaries, score)
