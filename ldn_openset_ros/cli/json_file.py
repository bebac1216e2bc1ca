"""What `--json FILE` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ldn_openset_ros.errors import OpenSetError


def write_json(path: Path, values: Any) -> None:
    """Write plain values as JSON, NaN refused; raises OpenSetError where the file cannot be."""
    text = json.dumps(values, indent=2, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None
