"""The subcommands of `ldn-openset`, whose modules are imported only when they are called."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """A subcommand: its name, its line in `ldn-openset --help`, its module in `cli`.

    The module has `add_arguments(parser)`, which may give the parser a longer description, and
    `run(args)`, which returns the exit code. It imports what its arguments need; what running
    needs is imported by the functions that run.
    """

    name: str
    help: str
    module: str


COMMANDS = (
    Command("demo", "run camera and node over ROS 2, record and measure them", "demo"),
    Command("info", "describe a model", "info"),
    Command("models", "list the shipped models, or copy one", "models"),
    Command("predict", "recognise pictures", "predict"),
    Command("train", "train a model, resuming where it stopped", "train"),
    Command("evaluate", "measure models over a data set", "evaluate"),
    Command("evaluate-bag", "measure a model, or recorded outputs, over rosbags", "evaluate_bag"),
    Command("report", "write an HTML report on evaluations", "report"),
    Command(
        "calibrate", "fit a model's probability and threshold to validation data", "calibrate"
    ),
    Command("domain", "measure what ordinary frames look like to a model", "domain"),
    Command("reproduce", "train and measure what a table of the paper compares", "reproduce"),
    Command("make-bag", "write frames and their truth into a bag", "make_bag"),
    Command("import", "make a model from a foreign checkpoint", "import_checkpoint"),
    Command("export", "write a model's network for other programs, checked", "export"),
    Command("quantise", "copy a model in int8 and measure the loss", "quantise"),
    Command("benchmark", "time backends, stages, node and start side by side", "benchmark"),
    Command(
        "benchmark-training",
        "time an experiment's training beside a plain loop",
        "benchmark_training",
    ),
)


class CommandParser(argparse.ArgumentParser):
    """Parser of a subcommand, which imports the subcommand's module before it first parses.

    So `ldn-openset --help` waits for no module, and a subcommand for no other one's.
    """

    def __init__(self, *, command: Command, **settings) -> None:
        super().__init__(description=command.help, **settings)
        self._command = command

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse as every parser does; the namespace has the subcommand's `run` as well."""
        if self.get_default("run") is None:
            module = import_module(f"ldn_openset_ros.cli.{self._command.module}")
            module.add_arguments(self)
            self.set_defaults(run=module.run)
        return super().parse_known_args(args, namespace)
