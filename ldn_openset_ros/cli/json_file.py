"""What `--json FILE` writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ldn_openset_ros.errors import OpenSetError


def check_writable(path: Path) -> None:
    """Raise OpenSetError where a file cannot be written, before the work that it is for."""
    place = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    is_file = place == path.absolute()
    if is_file == place.is_dir():
        reason = f"{place} is a {'folder' if is_file else 'file'}"
    elif not os.access(place, os.W_OK):
        reason = f"no permission to write {place}"
    else:
        return
    raise OpenSetError(f"cannot write {path}: {reason}: give another place")


def write_json(path: Path, values: Any) -> None:
    """Write plain values as JSON, NaN refused; raises OpenSetError where the file cannot be."""
    text = json.dumps(values, indent=2, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None
