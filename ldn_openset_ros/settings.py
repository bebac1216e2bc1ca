"""Read YAML into frozen settings dataclasses; a file names only what differs from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from yaml.composer import ComposerError

from ldn_openset_ros.errors import OpenSetError, one_line

if TYPE_CHECKING:
    from pydantic import ConfigDict

FROZEN: ConfigDict = {"extra": "forbid", "frozen": True, "allow_inf_nan": False}
"""Give a settings dataclass `__pydantic_config__ = FROZEN`: unknown names are then errors, and so
are numbers that are not finite."""

MAX_YAML_BYTES = 2**20
"""Longer files are refused: one of this size takes some ten seconds to parse."""

MAX_PROBLEMS = 10
"""Entries that an error names; a hostile file may hold thousands that do not fit."""

Settings = TypeVar("Settings")


class _PlainLoader(yaml.SafeLoader):
    """Refuse aliases, by which a small file stands for a huge one."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        if self.check_event(yaml.AliasEvent):
            where = self.peek_event().start_mark
            raise ComposerError(None, None, "aliases are not read, write the values out", where)
        return super().compose_node(parent, index)


def read_limited(path: Path) -> bytes:
    """Read a YAML file, at most a byte more than `parse_yaml` takes; raises OSError."""
    with path.open("rb") as file:
        return file.read(MAX_YAML_BYTES + 1)


def parse_yaml(data: bytes) -> Any:
    """Return plain values from untrusted YAML in UTF-8; raises ValueError of one line.

    Tags that would make other objects, aliases, deep nesting and more than MAX_YAML_BYTES are
    refused.
    """
    if len(data) > MAX_YAML_BYTES:
        raise ValueError(f"it is larger than {MAX_YAML_BYTES} bytes")
    try:
        return yaml.load(data.decode(), _PlainLoader)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        # All of what it says would be several lines, with the place last.
        raise ValueError(
            f"line {error.problem_mark.line + 1}: {one_line(error.problem)}"
        ) from None
    except Exception as error:
        # On a malformed number or date its constructors raise nearly anything (KeyError,
        # IndexError, AttributeError, ...).
        raise ValueError(one_line(error)) from None


def read_yaml(path: Path) -> dict:
    """Read a YAML mapping; raises OpenSetError where the file is absent or malformed."""
    try:
        content = parse_yaml(read_limited(path))
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error}") from None
    except ValueError as error:
        raise OpenSetError(f"{path} is no valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise OpenSetError(f"{path} must hold a mapping of settings")
    return content


def settings_from_dict(kind: type[Settings], values: dict, source: str | Path) -> Settings:
    """Build the dataclass `kind`, nested ones included; an unknown or ill-typed name is an error.

    The OpenSetError names `source` and every entry that does not fit.
    """
    # Whoever reads no settings does not wait for pydantic.
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(values)
    except OpenSetError as error:
        raise OpenSetError(f"{source}: {error}") from None
    except ValidationError as error:
        entries = error.errors(include_url=False, include_input=False)
        problems = [
            f"{one_line('.'.join(str(part) for part in entry['loc']))}: {one_line(entry['msg'])}"
            for entry in entries[:MAX_PROBLEMS]
        ]
        if len(entries) > MAX_PROBLEMS:
            problems.append(f"and {len(entries) - MAX_PROBLEMS} more")
        raise OpenSetError(f"{source}: {'; '.join(problems)}") from None
