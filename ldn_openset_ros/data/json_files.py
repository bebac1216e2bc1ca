"""Read the JSON files that come with data sets."""

from __future__ import annotations

import json
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError


def read_json(path: Path, encoding: str = "utf-8") -> dict:
    """Read a JSON object; raises OpenSetError, naming the file, where it is absent or damaged."""
    try:
        content = json.loads(path.read_text(encoding))
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise OpenSetError(f"{path} is no valid JSON: {error}; unpack it again") from None
    if not isinstance(content, dict):
        raise OpenSetError(f"{path} holds no JSON object: unpack it again")
    return content
