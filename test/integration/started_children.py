"""Which processes a command has started, and whether they are gone."""

from __future__ import annotations

from pathlib import Path


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
