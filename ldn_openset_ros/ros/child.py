"""Run a module in this process and end with the parent, however that ends (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""From <sys/prctl.h>; the setting survives exec."""

PARENT_VARIABLE = "LDN_OPENSET_PARENT"
"""Process id of the launch that the nodes it starts end with."""


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `python -m module` as a child that never outlives us."""
    return [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]


def end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent, `parent`, ends."""
    with contextlib.suppress(OSError, AttributeError):  # not on Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the kernel was told
        sys.exit(1)


def end_with_launch() -> None:
    """Do so where PARENT_VARIABLE names our parent: launch, killed, would leave us behind.

    Elsewhere this changes nothing: a process between (gdb, a shell) is not ours to follow.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent == str(os.getppid()):
        end_with_parent(int(parent))
    elif parent and sys.platform == "linux" and has_ended(int(parent)):
        sys.exit("the launch that started this process has ended: start it anew")


def has_ended(process: int) -> bool:
    """Return whether a process is gone, or a zombie whose exit code nobody has taken (Linux)."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[2:]])
