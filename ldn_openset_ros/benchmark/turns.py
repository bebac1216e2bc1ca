"""Several ways to do the same work, one after the other on each piece of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ldn_openset_ros.benchmark.timings import timed

Item = TypeVar("Item")
Result = TypeVar("Result")

PAUSE = 0.05
"""Seconds between turns, so that threads of the one no longer spin beside the next."""


@dataclass(frozen=True)
class Turn(Generic[Item, Result]):
    """What one way made of one item, and the seconds that it took."""

    name: str
    item: Item
    result: Result
    seconds: float


def take_turns(
    ways: Mapping[str, Callable[[Item], Result]], items: Sequence[Item], pause: float = PAUSE
) -> Iterator[Turn[Item, Result]]:
    """Run each item through every way before the next item: what else runs then hits all alike.

    pause: seconds before each turn.
    """
    for item in items:
        for name, way in ways.items():
            time.sleep(pause)
            result, seconds = timed(way, item)
            yield Turn(name, item, result, seconds)
