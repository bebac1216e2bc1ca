"""What `--json FILE` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ldn_openset_ros.folders import write_text


def write_json(path: Path, values: Any) -> None:
    """Write plain values as JSON, NaN refused; raises OpenSetError where the file cannot be."""
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
