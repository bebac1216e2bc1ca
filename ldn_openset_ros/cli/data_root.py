"""The option `--data`: where the data sets lie."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, by default the environment's LDN_DATA."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("LDN_DATA", "../shared/data")),
        help="folder with the data sets (default: LDN_DATA or ../shared/data)",
    )
