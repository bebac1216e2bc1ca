"""Memory of this process, as Linux counts it."""

from __future__ import annotations

import re
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError

PROCESS = Path("/proc/self")
RESET_PEAK = "5"
"""What `clear_refs` takes to begin a new peak (proc(5))."""


def reset_peak() -> float:
    """Begin a new peak at the memory that is resident now, and return that, in MB of 10^6 bytes.

    `ru_maxrss` cannot begin anew, and a child's has its parent's from before the exec. Raises
    OpenSetError where the system has no such files.
    """
    try:
        (PROCESS / "clear_refs").write_text(RESET_PEAK)
    except OSError as error:
        raise _no_such_figures(error) from None
    return _read("VmRSS")


def peak() -> float:
    """Return the largest resident memory since `reset_peak`, in MB of 10^6 bytes."""
    return _read("VmHWM")


def _read(name: str) -> float:
    try:
        text = (PROCESS / "status").read_text()
    except OSError as error:
        raise _no_such_figures(error) from None
    return int(re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)[1]) * 1024 / 1e6


def _no_such_figures(error: OSError) -> OpenSetError:
    return OpenSetError(
        f"the system does not tell the memory of a process ({error}): run this part on Linux"
    )
