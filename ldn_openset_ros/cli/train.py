"""`ldn-openset train`: train a model from an experiment file, or go on with a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ldn_openset_ros.cli.data_root import add_data_option
from ldn_openset_ros.cli.half_precision import add_half_option, halve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("config", type=Path, help="YAML file that names what differs")
    add_data_option(parser)
    parser.add_argument("-o", "--output", type=Path, help="run folder (default: runs/<name>)")
    add_half_option(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")


def run(args: argparse.Namespace) -> int:
    """Train and say where the model is."""
    from ldn_openset_ros.inference.backends.registry import choose_device
    from ldn_openset_ros.training.loop import train
    from ldn_openset_ros.training.settings import read_training_settings

    settings = read_training_settings(args.config)
    output = args.output or Path("runs") / settings.name
    model = train(settings, args.data, output, str(choose_device(args.device)))
    if model is not None:
        sys.stdout.write(f"model written to {model}\n")
        if args.half:
            sys.stdout.write(f"{halve(model)}\n")
    return 0
