from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.settings import FROZEN, read_yaml, settings_from_dict


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    __pydantic_config__ = FROZEN


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    sides: tuple[int, int] = (1, 2)
    __pydantic_config__ = FROZEN


def test_a_file_names_only_what_differs():
    settings = settings_from_dict(Outer, {"name": "a", "inner": {"rate": 2}}, "a.yaml")
    assert settings == Outer("a", Inner(2.0), (1, 2))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"name": "a", "inner": {"rat": 2}}, "inner.rat"),
        ({"name": "a", "inner": {"rate": "fast"}}, "inner.rate"),
        ({"name": "a", "sides": [1]}, "sides.1"),
        ({}, "name"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(values, named):
    with pytest.raises(OpenSetError) as caught:
        settings_from_dict(Outer, values, "a.yaml")
    assert str(caught.value).startswith("a.yaml: ")
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "!!python/object/apply:os.system [ls]"])
def test_files_that_are_no_plain_mapping_are_refused(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(OpenSetError, match=r"bad\.yaml"):
        read_yaml(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(OpenSetError, match=r"cannot read .*none\.yaml"):
        read_yaml(tmp_path / "none.yaml")
