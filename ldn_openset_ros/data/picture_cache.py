"""Decoded pictures kept in memory, so that each is read and decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

Picture = TypeVar("Picture")
"""A frozen dataclass with arrays among its fields: `Sample`, `Negative`."""


class MemoryBudget:
    """Bytes that several caches share."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._is_full = limit <= 0

    @property
    def is_full(self) -> bool:
        """Whether something has been turned away."""
        return self._is_full

    def take(self, size: int) -> bool:
        """Return whether there was room for `size` bytes, which are then taken."""
        if size > self._free:
            self._is_full = True
            return False
        self._free -= size
        return True


class PictureCache(Sequence[Picture]):
    """The pictures of a source, kept once they are read as long as there is memory for them.

    None ever makes room for another: training asks for all pictures of a source equally often, so
    that would make hits no more frequent, and rarer where each pass has a new order. Kept arrays
    are read-only.
    """

    def __init__(self, source: Sequence[Picture], memory: MemoryBudget) -> None:
        self._source = source
        self._memory = memory
        self._kept: dict[int, Picture] = {}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Picture:
        if index in self._kept:
            return self._kept[index]
        picture = self._source[index]
        views = {name: array.view() for name, array in arrays_of(picture).items()}
        if not self._memory.take(sum(view.nbytes for view in views.values())):
            return picture
        for view in views.values():
            view.flags.writeable = False
        self._kept[index] = replace(picture, **views)
        return self._kept[index]


def arrays_of(picture: Picture) -> dict[str, np.ndarray]:
    """Return the fields of a dataclass that are arrays."""
    values = {field.name: getattr(picture, field.name) for field in fields(picture)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def fill(caches: Sequence[PictureCache], memory: MemoryBudget) -> None:
    """Read pictures of all caches in turn until every one is kept or `memory` is full."""
    for index in range(max(len(cache) for cache in caches)):
        for cache in caches:
            if memory.is_full:
                return
            if index < len(cache):
                cache[index]
