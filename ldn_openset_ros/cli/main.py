"""`ldn-openset`: parse, run one subcommand, turn errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ldn_openset_ros import __version__
from ldn_openset_ros.cli.commands import COMMANDS, CommandParser
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.folders import check_writable

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
WRITTEN_AT_THE_END = ("json", "markdown", "plot")
"""Options of files, which are looked at before the work that may take hours."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `ldn-openset` with its subcommands."""
    parser = argparse.ArgumentParser(
        "ldn-openset",
        description="Dense open-set recognition: train, evaluate, calibrate, predict, demo.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for command in COMMANDS:
        subparsers.add_parser(command.name, help=command.help, command=command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `ldn-openset`; return 0 when done, 1 when failed, 2 on bad usage."""
    args = build_parser().parse_args(argv)
    try:
        for option in WRITTEN_AT_THE_END:
            if getattr(args, option, None) is not None:
                check_writable(getattr(args, option))
        return args.run(args)
    except OpenSetError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of our output has gone; Python must not try to flush to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def run_command(name: str, argv: Sequence[str] | None = None) -> int:
    """Run one subcommand as an executable of its own; `argv` without the subcommand's name."""
    return main([name, *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
