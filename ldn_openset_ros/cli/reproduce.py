"""`ldn-openset reproduce`: the paper's tables on the data at hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from ldn_openset_ros.cli.data_root import add_data_option
from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.reproduction.names import PROFILE_NAMES, TABLE_NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("table", choices=TABLE_NAMES)
    add_data_option(parser)
    parser.add_argument(
        "--profile",
        choices=PROFILE_NAMES,
        help="which data and how long (default: the first whose data are there)",
    )
    parser.add_argument(
        "--seed", type=int, action="append", help="only this seed, repeatable (default: all)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="folder (default: runs/reproduce/<profile>)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")


def run(args: argparse.Namespace) -> int:
    """Train and measure what is missing, then write the table as Markdown and JSON."""
    from rich.console import Console
    from rich.markdown import Markdown

    from ldn_openset_ros.inference.backends.registry import choose_device
    from ldn_openset_ros.reproduction.plan import choose_profile, read_table
    from ldn_openset_ros.reproduction.runner import Runner
    from ldn_openset_ros.reproduction.tables import to_dict, to_markdown

    table = read_table(args.table)
    profile = choose_profile(args.data, args.profile)
    seeds = list(dict.fromkeys(args.seed or profile.seeds))
    output = args.output or Path("runs") / "reproduce" / profile.name
    runner = Runner(profile, args.data, output, str(choose_device(args.device)))
    measurements = runner.measure(table, seeds)
    markdown = to_markdown(table, profile, seeds, measurements)
    path = output / f"{args.table}.md"
    try:
        path.write_text(markdown)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None
    write_json(path.with_suffix(".json"), to_dict(args.table, table, profile, seeds, measurements))
    console = Console()
    console.print(Markdown(markdown))
    console.print(f"written to {path} and {path.with_suffix('.json')}", highlight=False)
    return 0
