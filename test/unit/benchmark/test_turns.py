"""Ways that take turns on the same items."""

from __future__ import annotations

import time

from ldn_openset_ros.benchmark.turns import take_turns


def test_each_item_goes_through_every_way_before_the_next():
    ways = {"double": lambda x: 2 * x, "square": lambda x: x * x}
    turns = list(take_turns(ways, [3, 5], pause=0))
    assert [(turn.item, turn.name, turn.result) for turn in turns] == [
        (3, "double", 6),
        (3, "square", 9),
        (5, "double", 10),
        (5, "square", 25),
    ]


def test_the_pause_is_not_part_of_a_turn():
    started = time.perf_counter()
    (turn,) = take_turns({"nothing": lambda _: None}, [0], pause=0.2)
    passed = time.perf_counter() - started
    assert passed - turn.seconds >= 0.2
