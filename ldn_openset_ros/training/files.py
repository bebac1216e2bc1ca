"""Write the files of a run so that neither a full disk nor a cut loses what was there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from ldn_openset_ros.errors import OpenSetError, one_line


@contextmanager
def told_disk_errors(path: Path) -> Iterator[None]:
    """Raise OpenSetError, with the remedy, where a file or folder cannot be written."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise OpenSetError(
            f"cannot write {path}: {reason}: make room, make it writable or choose another "
            "--output; a run that was begun goes on from its last checkpoint"
        ) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield where to write the new content of a file, which takes the old one's place at once.

    Raises OpenSetError where it cannot be written; the old content then stays.
    """
    new = path.with_suffix(".tmp")
    with told_disk_errors(path):
        try:
            yield new
            os.replace(new, path)
        except (OSError, SafetensorError):
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise


def check_writable(folder: Path) -> None:
    """Raise OpenSetError where no file can be made in a folder: before the work, not after it."""
    with told_disk_errors(folder), tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")
