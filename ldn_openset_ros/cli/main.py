"""`ldn-openset`: parse, run one subcommand, turn errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from ldn_openset_ros import __version__
from ldn_openset_ros.cli import (
    calibrate,
    demo,
    evaluate,
    import_checkpoint,
    info,
    make_bag,
    predict,
    reproduce,
    train,
)
from ldn_openset_ros.errors import OpenSetError

COMMANDS = (
    demo,
    info,
    predict,
    train,
    evaluate,
    calibrate,
    reproduce,
    make_bag,
    import_checkpoint,
)
EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def build_parser(commands: Sequence[ModuleType] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of `ldn-openset` with the given subcommands."""
    parser = argparse.ArgumentParser(
        "ldn-openset",
        description="Dense open-set recognition: train, evaluate, calibrate, predict, demo.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `ldn-openset`; return 0 when done, 1 when failed, 2 on bad usage."""
    args = build_parser().parse_args(argv)
    try:
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


def run_command(command: ModuleType, argv: Sequence[str] | None = None) -> int:
    """Run one subcommand as an executable of its own; `argv` without the subcommand's name."""
    name = command.__name__.rpartition(".")[2].replace("_", "-")
    return main([name, *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
