"""The life of a node's process: start, work, end by itself or by a signal, exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.signals import uninstall_signal_handlers
from rclpy.utilities import get_rmw_implementation_identifier

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.folders import ensure_home
from ldn_openset_ros.ros.child import end_with_launch
from ldn_openset_ros.ros.environment import fast_dds_profile, shared_memory_note
from ldn_openset_ros.ros.shared_memory import free_shared_memory, remove_abandoned_segments
from ldn_openset_ros.ros.signals import ignore_stop_signals, interrupted_once

AnyNode = TypeVar("AnyNode", bound=Node)

GRACE = 1.0
"""Seconds after a signal within which a node must come to its `close`, or is not waited for."""


def run_node(
    name: str,
    make: Callable[[], AnyNode],
    work: Callable[[AnyNode], None],
    args: Sequence[str] | None = None,
) -> int:
    """Make a node, let it work until it is done or SIGINT or SIGTERM comes, and close it.

    make, work: an OpenSetError from either is logged as one line, and 1 returned; otherwise 0.
    The node's `close` releases what it holds; where it returns False a thread of its own is
    still busy and the process ends at once, for Python cannot end cleanly beside it.
    """
    end_with_launch()
    ensure_home()
    remove_abandoned_segments()
    node, code = None, 0
    try:
        with interrupted_once(GRACE):
            try:
                os.environ.update(fast_dds_profile())
                free = free_shared_memory()
                rclpy.init(args=args)
            except Exception as error:  # rclpy has no common class for what users get wrong here
                sys.stderr.write(f"[FATAL] [{name}]: ROS cannot start: {flat(error)}\n")
                return 1
            node = make()
            tell_shared_memory(node, free)
            work(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception as error:
        # Without ROS, a signal has shut it down in the middle of a call: that is no failure.
        if rclpy.ok():
            refused = node is None and isinstance(error, rclpy_implementation.RCLError)
            if not refused and not isinstance(error, OpenSetError):
                raise
            reason = f"ROS cannot make the node: {flat(error)}" if refused else str(error)
            rclpy.logging.get_logger(name).fatal(reason)
            code = 1
    finally:
        # rclpy answers signals in a thread of its own, which wakes executors and crashes on one
        # that is being destroyed; taking its handlers away waits for that thread.
        uninstall_signal_handlers()
        ignore_stop_signals()
        finished = node is None or node.close() is not False
        rclpy.try_shutdown()
    if not finished:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def tell_shared_memory(node: Node, free: int | None) -> None:
    """Log how large images pass; free: bytes of shared memory before this process took its own."""
    middleware = get_rmw_implementation_identifier()
    fits, line = shared_memory_note(os.environ, middleware, free)
    if not fits:
        node.get_logger().warning(line)
    elif line:
        node.get_logger().info(line)
