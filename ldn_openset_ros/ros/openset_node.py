"""The executable `openset_node`: the node `openset` until SIGINT or SIGTERM."""

from __future__ import annotations

import sys

from ldn_openset_ros.ros.child import end_with_launch
from ldn_openset_ros.ros.signals import end_at_once


def main(args: list[str] | None = None) -> int:
    """Run the node; return the exit code (1: it could not start)."""
    end_with_launch()
    end_at_once()
    from ldn_openset_ros.memory import keep_freed_memory
    from ldn_openset_ros.ros.node import NODE_NAME, make_node
    from ldn_openset_ros.ros.process import run_node
    from ldn_openset_ros.ros.spinning import spin_on

    keep_freed_memory()
    return run_node(NODE_NAME, make_node, spin_on, args)


if __name__ == "__main__":
    sys.exit(main())
