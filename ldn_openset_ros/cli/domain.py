"""`ldn-openset domain`: tell a model what ordinary frames look like."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.outlier_value import add_outlier_value
from ldn_openset_ros.data.registry import DATASET_NAMES, WITHOUT_SPLITS, open_dataset

if TYPE_CHECKING:
    from ldn_openset_ros.inference.domain import Domain

DEFAULT_SPLIT = "val"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Measure the share of outlier pixels and the mean confidence on ordinary "
        "frames, and write between which values they lie into the model's model.yaml. The node "
        "warns in its diagnostics where a camera's frames leave these ranges for some seconds. "
        "Give frames as the vehicle will see them, none of which the model was trained on, and "
        "without planted outliers. Comments in model.yaml are lost."
    )
    parser.add_argument("model", help="model folder or name of a shipped model")
    parser.add_argument("--dataset", required=True, choices=DATASET_NAMES)
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--split", help=f"split of the data set (default: {DEFAULT_SPLIT})")
    add_outlier_value(parser, "the maps of the data set `folder`")
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--json", type=Path, help="write the ranges to this file")


def run(args: argparse.Namespace) -> int:
    """Measure, print the ranges, write model.yaml and the JSON file."""
    from rich.console import Console
    from tqdm import tqdm

    from ldn_openset_ros.evaluation.domain import check_frames, measure_domain
    from ldn_openset_ros.inference.model_files import (
        DESCRIPTION_FILE,
        check_changeable,
        find_model,
        read_description,
        write_description,
    )
    from ldn_openset_ros.inference.predictor import Predictor

    folder = find_model(args.model)
    check_changeable(folder)
    whole = args.dataset in WITHOUT_SPLITS
    split = args.split or (None if whole else DEFAULT_SPLIT)
    samples = open_dataset(args.dataset, args.root, split, outlier_value=args.outlier_value)
    data = f"{args.dataset}, split {split}" if split else args.dataset
    check_frames(len(samples), data)
    predictor = Predictor.load(folder, args.device, "torch", resolution=args.resolution)
    frames = tqdm((samples[i] for i in range(len(samples))), total=len(samples), unit="frame")
    domain = measure_domain(predictor, frames, data)
    write_description(folder, replace(read_description(folder), domain=domain))
    if args.json:
        write_json(args.json, asdict(domain))
    console = Console()
    for line in (*summary(domain), f"written to {folder / DESCRIPTION_FILE}"):
        console.print(line, highlight=False, soft_wrap=True)
    return 0


def summary(domain: Domain) -> list[str]:
    """Return lines that tell a person what a model's domain is."""
    size = domain.resolution or "as it comes"
    return [
        f"{domain.data}: {domain.frames} frames, resolution {size}",
        *(
            f"{name.replace('_', ' ')} {100 * low:.2f} to {100 * high:.2f} %"
            for name, (low, high) in domain.ranges.items()
        ),
    ]
