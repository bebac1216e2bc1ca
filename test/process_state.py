"""Whether processes that are no children of the tests live."""

from __future__ import annotations

from pathlib import Path


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or only waits for somebody to take its exit code."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
