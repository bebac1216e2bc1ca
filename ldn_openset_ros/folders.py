"""The folders that results go to, and the home that libraries take for granted."""

from __future__ import annotations

import os
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError

NO_HOME = os.devnull
"""Nothing can be written below it, so libraries take a temporary folder."""


def ensure_home() -> None:
    """Set HOME and USER for a user without home and name, as containers have them.

    matplotlib and torch end with a trace where the user database does not tell these either.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = NO_HOME
        os.environ.setdefault("USER", str(os.getuid()))


def make_folder(path: Path) -> Path:
    """Make a folder and its parents where they are missing, and return it.

    Raises OpenSetError where that is impossible: a file is in the way, no permission, full disk.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpenSetError(f"cannot make the folder {path}: {error.strerror}") from None
    return path
