"""What the launch files share: arguments that are checked first, and ends. Needs launch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.events.process import ProcessExited

from ldn_openset_ros.resources import PACKAGE_NAME
from ldn_openset_ros.ros.child import PARENT_VARIABLE
from ldn_openset_ros.ros.environment import fast_dds_profile
from ldn_openset_ros.ros.launch_arguments import Argument, read_arguments, refuse_unknown

Start = Callable[[dict[str, Any]], Sequence[LaunchDescriptionEntity]]
"""Makes, of the arguments' values, what is to be started."""


def describe(
    file: str,
    arguments: Mapping[str, Argument],
    start: Start,
    *includes: LaunchDescriptionEntity,
) -> LaunchDescription:
    """Describe a launch that checks its arguments, then visits `includes`, then starts.

    file: the launch file's `__file__`. A wrong argument, also one of the included files, ends the
    launch before anything has started.
    """
    declared = [
        DeclareLaunchArgument(name, default_value=a.default, description=a.description)
        for name, a in arguments.items()
    ]
    names = {a.name for a in LaunchDescription([*declared, *includes]).get_launch_arguments()}

    def check(context: LaunchContext) -> None:
        if _is_launched(Path(file), sys.argv):
            refuse_unknown([word.partition(":=")[0] for word in context.argv], names)
        read_arguments(arguments, context.launch_configurations)

    def make(context: LaunchContext) -> Sequence[LaunchDescriptionEntity]:
        return start(read_arguments(arguments, context.launch_configurations))

    variables = {**fast_dds_profile(), PARENT_VARIABLE: str(os.getpid())}
    return LaunchDescription(
        [
            *declared,
            OpaqueFunction(function=check),
            *(SetEnvironmentVariable(*variable) for variable in variables.items()),
            *includes,
            OpaqueFunction(function=make),
        ]
    )


def end_all(event: ProcessExited, context: LaunchContext) -> Shutdown | None:
    """End the launch with a process, be it RViz closed by its user; a page is only beside it."""
    if event.process_name.startswith("web_view"):
        return None
    return Shutdown(reason=f"{event.process_name} has ended")


def _is_launched(file: Path, words: Sequence[str]) -> bool:
    """Whether the command line names this launch file, so that its arguments are ours to judge."""
    return any(
        Path(word).resolve() == file.resolve() or (before, word) == (PACKAGE_NAME, file.name)
        for before, word in pairwise(words)
    )
