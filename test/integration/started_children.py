"""A command's end, and which processes it has started: they must be gone with it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def finish(
    process: subprocess.Popen, output: Path, leftover: str, timeout: float
) -> tuple[int, str, list[str]]:
    """Return the exit code, what was printed, and the errors without the progress bars.

    Nothing must be left behind: no process, and no file of the pattern `leftover` in `output`.
    """
    try:
        printed, errors = process.communicate(timeout=timeout)
    finally:
        process.kill()
    assert children_of(output) == []
    assert not list(output.glob(leftover))
    lines = [line for line in errors.splitlines() if line.startswith(("error:", "Traceback"))]
    return process.returncode, printed, lines


def children_of(output: Path) -> list[str]:
    """Return the command lines of processes that were started for an output folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        if "--params-file" in words and any(str(output) in word for word in words):
            found.append(" ".join(words))
    return found
