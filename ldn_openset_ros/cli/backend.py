"""The options that choose what runs the network."""

from __future__ import annotations

import argparse

from ldn_openset_ros.inference.backends.names import AUTO, BACKENDS, PRECISIONS


def add_backend_options(
    parser: argparse._ActionsContainer, backend: str | None = AUTO, default: str = ""
) -> None:
    """Add --device, --backend and --precision.

    backend: the default; default: what the help says of it.
    """
    parser.add_argument("--device", default=AUTO, help="auto, cpu or cuda:N")
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default=backend,
        help=f"what runs the network (default: {default or backend})",
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, default=AUTO, help="number format of the network"
    )
