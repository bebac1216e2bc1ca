"""Launch a file with `name:=value` arguments, as `ros2 launch` does."""

from __future__ import annotations

import sys

from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription, SetLaunchConfiguration
from launch.launch_description_sources import AnyLaunchDescriptionSource


def main(path: str, *arguments: str) -> int:
    """Return the exit code of the launch service."""
    values = [tuple(argument.split(":=", 1)) for argument in arguments]
    included = IncludeLaunchDescription(AnyLaunchDescriptionSource(path), launch_arguments=values)
    service = LaunchService(argv=list(arguments))
    # Seconds that a process has to end after SIGINT: five are few on a busy machine.
    patience = SetLaunchConfiguration("sigterm_timeout", "60")
    service.include_launch_description(LaunchDescription([patience, included]))
    return service.run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
