"""`ldn-openset`: parse, run one subcommand, turn errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ldn_openset_ros import __version__
from ldn_openset_ros.cli.commands import COMMANDS, CommandParser
from ldn_openset_ros.errors import OpenSetError, OpenSetWarning
from ldn_openset_ros.folders import check_writable, ensure_home
from ldn_openset_ros.ros.signals import without_bounce

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
    _open_standard_files()
    ensure_home()
    try:
        with without_bounce(), plain_warnings():
            return _run(argv)
    except OpenSetError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return EXIT_FAILED
    except BrokenPipeError:
        _drop_output()  # its reader has gone
        return EXIT_FAILED
    except OSError as error:
        _drop_output()
        # What was written to has no name where it is the standard output.
        told = error if error.filename else f"cannot write the output: {error.strerror}"
        sys.stderr.write(f"error: {told}\n")
        return EXIT_FAILED


def _run(argv: Sequence[str] | None) -> int:
    """Parse and run; what was printed is written before this returns, or ends as argparse does."""
    try:
        args = build_parser().parse_args(argv)
        for option in WRITTEN_AT_THE_END:
            if getattr(args, option, None) is not None:
                check_writable(getattr(args, option))
        code = args.run(args)
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _open_standard_files() -> None:
    """Open what the caller has closed (`>&-`), so that printing is no error and goes nowhere.

    The next file that is opened would else take its number, and what libraries print.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null == number:
                os.set_inheritable(null, True)
            setattr(sys, name, open(null, mode, encoding="utf-8"))  # noqa: SIM115


def _drop_output() -> None:
    """Keep Python from trying to write what is left of the output when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Write our own warnings as one line each, without the code that raised them."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, OpenSetWarning):
                sys.stderr.write(f"warning: {message}\n")
            else:
                others(message, category, *where)

        warnings.showwarning = show
        yield


def run_command(name: str, argv: Sequence[str] | None = None) -> int:
    """Run one subcommand as an executable of its own; `argv` without the subcommand's name."""
    return main([name, *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
