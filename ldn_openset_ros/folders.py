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


def write_text(path: Path, text: str) -> None:
    """Write a text file, its folder made where it is missing; OpenSetError where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None


def check_writable(path: Path) -> None:
    """Raise OpenSetError where a file cannot be written; for before the work, writes nothing.

    Parents that are missing will be made. A disk may still be full in the end.
    """
    existing = next(p for p in (path.absolute(), *path.absolute().parents) if os.path.exists(p))
    if os.path.isdir(path):
        reason = "it is a folder"
    elif existing != path.absolute() and not os.path.isdir(existing):
        reason = f"{existing} is no folder"
    elif not os.access(existing, os.W_OK):
        reason = f"{existing} cannot be written"
    else:
        return
    raise OpenSetError(f"cannot write {path}: {reason}; choose another place")
