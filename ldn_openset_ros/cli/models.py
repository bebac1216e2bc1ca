"""`ldn-openset models`: which models are shipped, and a copy of one to change."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "List the shipped models with their folders; with a MODEL copy its folder, for example "
        "for `domain` or `calibrate`, which write into it."
    )
    parser.add_argument("model", nargs="?", help="name of a shipped model, or a model's folder")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder of the copy")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Print the models, or where the copy is."""
    from ldn_openset_ros.inference.model_files import copy_model, find_model, shipped_models

    if (args.model is None) != (args.output is None):
        args.usage_error("give MODEL and -o DIR for a copy, neither of them for the list")
    if args.model is None:
        lines = [f"{folder.name:20} {folder}" for folder in shipped_models()]
    else:
        lines = [f"copied to {copy_model(find_model(args.model), args.output)}"]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0
