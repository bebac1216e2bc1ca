"""Options of what is measured, shared by `evaluate` and `evaluate-bag`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bootstrap import REPLICATES

if TYPE_CHECKING:
    from ldn_openset_ros.evaluation.measurement import MeasureSettings


def add_measure_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("what is measured")
    group.add_argument(
        "--per-image",
        action="store_true",
        help="also the mean of per-image measures (StreetHazards' own protocol)",
    )
    group.add_argument(
        "--downsample",
        type=int,
        default=1,
        metavar="N",
        help="rank every N-th pixel of every N-th row (the paper on StreetHazards: 10)",
    )
    group.add_argument(
        "--replicates",
        type=int,
        default=REPLICATES,
        metavar="N",
        help=f"of the bootstrap behind the 95 %% intervals, 0 for none (default: {REPLICATES})",
    )


def measures_of(args: argparse.Namespace) -> MeasureSettings:
    """Return the settings that the options stand for; raises OpenSetError for a bad value."""
    if args.downsample < 1:
        raise OpenSetError(f"--downsample is {args.downsample}: give 1 or more")
    if args.replicates < 0:
        raise OpenSetError(f"--replicates is {args.replicates}: give 0 or more")
    from ldn_openset_ros.evaluation.measurement import MeasureSettings

    return MeasureSettings(
        scores=(),
        downsample=args.downsample,
        per_image=args.per_image,
        replicates=args.replicates,
    )
