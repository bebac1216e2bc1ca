"""Read YAML into frozen settings dataclasses; a file names only what differs from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ldn_openset_ros.errors import OpenSetError

FROZEN = ConfigDict(extra="forbid", frozen=True)
"""Give a settings dataclass `__pydantic_config__ = FROZEN`: unknown names are then errors."""

Settings = TypeVar("Settings")


def read_yaml(path: Path) -> dict:
    """Read a YAML mapping; raises OpenSetError where the file is absent or malformed."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise OpenSetError(f"cannot read {path}: {error}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise OpenSetError(f"{path} is no valid YAML: {reason}") from None
    if not isinstance(content, dict):
        raise OpenSetError(f"{path} must hold a mapping of settings")
    return content


def settings_from_dict(kind: type[Settings], values: dict, source: str | Path) -> Settings:
    """Build the dataclass `kind`, nested ones included; an unknown or ill-typed name is an error.

    The OpenSetError names `source` and every entry that does not fit.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"
            for entry in error.errors()
        )
        raise OpenSetError(f"{source}: {problems}") from None
