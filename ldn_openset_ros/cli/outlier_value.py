"""The option `--outlier-value`: what a user's own truth maps hold where there is an outlier."""

from __future__ import annotations

import argparse


def add_outlier_value(parser: argparse.ArgumentParser, maps: str) -> None:
    """Add the option; maps: which ones it is about, for its help."""
    parser.add_argument(
        "--outlier-value",
        type=_value,
        metavar="N",
        help=f"value of outliers in {maps}, for example 255 for masks of 0 and 255 "
        "(default: 1, with 255 for pixels to ignore)",
    )


def _value(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 255:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 255")
    return value


_value.__name__ = "number"
