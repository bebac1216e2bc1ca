"""The option `--half`: a model's weights in half precision, and what that changes."""

from __future__ import annotations

import argparse
from pathlib import Path

FRAMES = 3
SIZE = (640, 480)
"""Width and height of the frames that the change is measured on."""


def add_half_option(parser: argparse.ArgumentParser) -> None:
    """Add --half."""
    parser.add_argument(
        "--half",
        action="store_true",
        help="store the convolutions in float16, half the size, and print what that changes on "
        f"{FRAMES} rendered frames (default: float32, which changes nothing)",
    )


def halve(folder: Path) -> str:
    """Store a model's weights in half precision; return a line on what that changes."""
    from ldn_openset_ros.evaluation.agreement import largest_difference
    from ldn_openset_ros.inference.model_files import halve_weights
    from ldn_openset_ros.inference.predictor import Predictor
    from ldn_openset_ros.scenes.drive import Drive, DriveSettings

    exact = Predictor.load(folder, device="cpu", backend="torch")
    halve_weights(folder)
    rounded = Predictor.load(folder, device="cpu", backend="torch")
    drive = Drive(DriveSettings(*SIZE))
    frames = [drive.frame(7 * number).rgb for number in range(FRAMES)]
    change = largest_difference(exact, rounded, frames)
    return (
        f"weights in half precision: on {FRAMES} rendered frames of {SIZE[0]}x{SIZE[1]} they "
        f"change the outlier probability by up to {change.probability:.2g}, and the label of "
        f"{change.labels:.2%} of the pixels"
    )
