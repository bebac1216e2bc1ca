"""`ldn-openset calibrate`: give a model a temperature and a threshold for a wanted rate."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.outlier_value import add_outlier_value
from ldn_openset_ros.data.registry import WITHOUT_SPLITS
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.test_sets import TEST_SET_NAMES, open_test_set
from ldn_openset_ros.folders import check_writable
from ldn_openset_ros.inference.calibration import Calibration, WantedRate
from ldn_openset_ros.score_names import SCORE_NAMES

if TYPE_CHECKING:
    from ldn_openset_ros.data.sample import Sample

PASTED = "camvid_pasted"
DEFAULT_SPLIT = "val"
COMPOSED_OF_WILD_DASH = ("wd_pascal", "wd_lsun")
"""Test sets whose road scenes have no splits."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Fit the temperature of one outlier score and choose its threshold on "
        "validation data, and write both into the model's model.yaml, where the node and predict "
        "find them. The published probability of that score becomes sigmoid(log-odds / "
        "temperature). For the model's own fusion the threshold becomes the default as well; "
        "`calibrated` asks for it by name. A model has one calibration: a new one takes the place "
        "of the old, and what `domain` measured goes. Comments in model.yaml are lost. With "
        "several data sets the threshold has the wanted rate on each. Any data "
        "with outlier truth is taken, and named in the result: figures measured on the same data "
        "afterwards say too much."
    )
    parser.add_argument("model", help="model folder or name of a shipped model")
    parser.add_argument(
        "--dataset",
        required=True,
        action="append",
        choices=(PASTED, *TEST_SET_NAMES),
        help=f"repeatable; {PASTED}: CamVid with localised training negatives, as in the "
        "validation of the shipped model's training; the others are those of evaluate",
    )
    parser.add_argument(
        "--root",
        type=Path,
        required=True,
        help=f"folder of the data sets; for {PASTED} that of camvid and imagenet_samples",
    )
    parser.add_argument("--split", help=f"split of the data set (default: {DEFAULT_SPLIT})")
    add_outlier_value(parser, "the maps of the data set `folder`")
    parser.add_argument("--score", choices=SCORE_NAMES, help="default: the model's own fusion")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument(
        "--true-positive-rate",
        type=_share,
        metavar="R",
        help="share of the outlier pixels to find at least, from 0 to 1",
    )
    wanted.add_argument(
        "--false-positive-rate",
        type=_share,
        metavar="R",
        help="share of the inlier pixels to call outliers at most, from 0 to 1",
    )
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--json", type=Path, help="write the calibration to this file")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="folder for a copy of the model, which is then left as it is",
    )


def run(args: argparse.Namespace) -> int:
    """Calibrate, print what came out, write model.yaml and the JSON file."""
    from rich.console import Console
    from tqdm import tqdm

    from ldn_openset_ros.evaluation.calibration import calibrate
    from ldn_openset_ros.inference.model_files import (
        DESCRIPTION_FILE,
        check_changeable,
        copy_model,
        find_model,
        read_description,
        refuse_model,
        with_calibration,
        write_description,
    )
    from ldn_openset_ros.inference.predictor import Predictor

    source = find_model(args.model)
    if args.output:
        refuse_model(args.output)
        check_writable(args.output / DESCRIPTION_FILE)
    else:
        check_changeable(source)
    predictor = Predictor.load(source, args.device, "torch", resolution=args.resolution)
    opened = {}
    for name in args.dataset:
        whole = name in WITHOUT_SPLITS or name in COMPOSED_OF_WILD_DASH
        split = args.split or (None if whole else DEFAULT_SPLIT)
        opened[f"{name}, split {split}" if split else name] = open_validation_data(
            name, args.root, split, args.outlier_value
        )
    domains = {
        name: tqdm((part[i] for i in range(len(part))), name, len(part), unit="frame")
        for name, part in opened.items()
    }
    calibration = calibrate(predictor, domains, wanted_rate(args), args.score)
    description = with_calibration(read_description(source), calibration)
    folder = copy_model(source, args.output) if args.output else source
    write_description(folder, description)
    if args.json:
        write_json(args.json, asdict(calibration))
    console = Console()
    for line in summary(calibration):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(
        f"written to {folder / DESCRIPTION_FILE}; {description.decision.fusion}, the model's own "
        f"fusion, has the threshold {description.decision.threshold:.4g}",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def wanted_rate(args: argparse.Namespace) -> WantedRate:
    """Return which of the two rates the user wants."""
    if args.true_positive_rate is not None:
        return WantedRate("true_positive_rate", args.true_positive_rate)
    return WantedRate("false_positive_rate", args.false_positive_rate)


def open_validation_data(
    name: str, root: Path, split: str | None, outlier_value: int | None = None
) -> Sequence[Sample]:
    """Open a test set, or the scenes that training is validated on."""
    if name != PASTED:
        return open_test_set(name, root, split, outlier_value=outlier_value)
    if outlier_value is not None:
        raise OpenSetError(f"{name} has an encoding of its own: leave --outlier-value out")
    from ldn_openset_ros.data.camvid import CamVid
    from ldn_openset_ros.data.localised_negatives import LocalisedNegatives
    from ldn_openset_ros.training.validation import ValidationScenes

    scenes = CamVid(root / "camvid", split)
    negatives = LocalisedNegatives(root / "imagenet_samples" / "train")
    return ValidationScenes(scenes, negatives)


def summary(calibration: Calibration) -> list[str]:
    """Return lines that tell a person what a calibration is."""
    wanted = calibration.wanted
    rate = wanted.kind.replace("_rate", " rate").replace("_", "-")
    size = calibration.resolution or "as it comes"
    return [
        f"{calibration.score} on {calibration.data}: {calibration.frames} frames, "
        f"{calibration.pixels:,} pixels, resolution {size}",
        f"temperature {calibration.temperature:.4g}, expected calibration error "
        f"{100 * calibration.ece_before:.2f} % before, {100 * calibration.ece_after:.2f} % after",
        f"threshold {calibration.threshold:.4g} for a {rate} of "
        f"{100 * wanted.value:g} %: true-positive rate "
        f"{100 * calibration.true_positive_rate:.2f} %, false-positive rate "
        f"{100 * calibration.false_positive_rate:.2f} %",
    ]


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no rate from 0 to 1")
    return value
