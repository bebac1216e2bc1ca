"""Hostile bytes and values for fuzzed tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from ldn_openset_ros.errors import OpenSetError

# What a YAML file can hold; surrogates are no Unicode.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
NUMBERS = st.one_of(
    st.integers(-3, 300),
    st.integers(),
    st.sampled_from([2**31, 2**63, -(2**63), 2**64, 10**400]),
    st.floats(),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, TEXTS, st.dates(), st.datetimes(), st.binary(max_size=20)
)
YAML_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(TEXTS, st.integers(), st.none()), inner, max_size=4),
    ),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return the content with up to four bytes replaced, and in half of the cases cut."""
    data = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    kept = draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    return bytes(data[:kept])


@st.composite
def with_other_entry(draw: st.DrawFn, tree: dict) -> dict:
    """Return a copy of nested dicts and lists in which one entry is replaced, left out or new."""
    changed = copy.deepcopy(tree)
    parent, key = draw(st.sampled_from(list(_entries(changed))))
    change = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"]))
    if change == "replace":
        parent[key] = draw(YAML_VALUES)
    elif change == "remove":
        del parent[key]
    elif isinstance(parent, dict):
        parent[draw(TEXTS)] = draw(YAML_VALUES)
    else:
        parent.append(draw(YAML_VALUES))
    return changed


def _entries(tree: dict | list) -> Iterator[tuple[dict | list, Any]]:
    """Yield every entry as its parent and its key there."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _entries(value)


def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns, or the OpenSetError that it raises, which is one line."""
    try:
        return function(*arguments)
    except OpenSetError as error:
        refusal = error
    assert is_one_line(str(refusal))
    return refusal


def is_one_line(text: str) -> bool:
    return len(text.splitlines()) == 1


def yaml_bombs() -> dict[str, bytes]:
    """Small YAML documents that ask for much memory, time or depth, or for code to be run."""
    ten = ", ".join(["*a{0}"] * 10)
    lines = ["a0: &a0 {x: 1}"]
    nested = [f"a{n + 1}: &a{n + 1} [{ten.format(n)}]" for n in range(9)]
    merged = [f"a{n + 1}: &a{n + 1} {{<<: [{ten.format(n)}]}}" for n in range(9)]
    return {
        "billion laughs": "\n".join(lines + nested).encode(),
        "billion merges": "\n".join(lines + merged).encode(),
        "itself": b"a: &a [*a]",
        "deep lists": b"a: " + b"[" * 100_000,
        "deep mappings": b"a: " + b"{a: " * 100_000,
        "deep dashes": b"- " * 100_000,
        "long": b"a: [" + b"1, " * 400_000 + b"1]",
        "not UTF-8": b"a: \xff\xfe\xfa",
        "UTF-16": "a: 1".encode("utf-16"),
        "control characters": b"a: \x00\x07",
        "no date": b"a: 2026-99-99",
        "no number": b"a: !!int x",
        "empty number": b"a: !!int ''",
        "no truth": b"a: !!bool maybe",
        "no time": b"a: !!timestamp x",
        "mapping as key": b"? {a: 1}\n: 2",
        "huge number": b"a: " + b"9" * 100_000,
    }
