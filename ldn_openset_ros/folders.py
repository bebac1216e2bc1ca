"""Make the folders that results go to."""

from __future__ import annotations

from pathlib import Path

from ldn_openset_ros.errors import OpenSetError


def make_folder(path: Path) -> Path:
    """Make a folder and its parents where they are missing, and return it.

    Raises OpenSetError where that is impossible: a file is in the way, no permission, full disk.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpenSetError(f"cannot make the folder {path}: {error.strerror}") from None
    return path
