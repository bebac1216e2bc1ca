"""What is built for a size of the network's input, kept for the sizes used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Built = TypeVar("Built")

LIMIT = 4
"""Sizes kept: those of the cameras of one node; more would fill the memory for nothing."""


class PerSize(Generic[Built]):
    """Build on first use, and drop what was not used for longest."""

    def __init__(self, build: Callable[[int, int], Built], limit: int = LIMIT) -> None:
        """build: takes height and width."""
        self._build = build
        self._limit = limit
        self._kept: OrderedDict[tuple[int, int], Built] = OrderedDict()

    def get(self, height: int, width: int) -> Built:
        """Return what was built for a size, building it where there is none."""
        size = (height, width)
        if size not in self._kept:
            while len(self._kept) >= self._limit:
                self._kept.popitem(last=False)
            self._kept[size] = self._build(height, width)
        self._kept.move_to_end(size)
        return self._kept[size]
