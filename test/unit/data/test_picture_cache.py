from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ldn_openset_ros.data.negatives import Box, Negative
from ldn_openset_ros.data.picture_cache import MemoryBudget, PictureCache, fill
from ldn_openset_ros.data.sample import Sample

SAMPLE_BYTES = 4 * 5 * 4
"""Of a picture of 4 x 5 pixels, three channels and labels of a byte each."""


class Scenes(Sequence[Sample]):
    """Scenes of 4 x 5 pixels in which every pixel is the scene's number; tells what was read."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        self.read.append(index)
        rgb = np.full((4, 5, 3), index, np.uint8)
        return Sample(f"s{index}", rgb, np.full((4, 5), index, np.uint8))


def test_what_was_read_is_kept_and_stays_the_same():
    scenes = Scenes(3)
    cache = PictureCache(scenes, MemoryBudget(10 * SAMPLE_BYTES))
    for index in (2, 0, 2, 2, 0):
        scene = cache[index]
        assert scene.name == f"s{index}"
        assert (scene.rgb == index).all()
        assert (scene.labels == index).all()
        assert scene.outlier is None
    assert scenes.read == [2, 0]
    assert len(cache) == 3


def test_what_came_first_is_kept_within_the_bound_and_nothing_makes_room_for_another():
    scenes = Scenes(4)
    memory = MemoryBudget(2 * SAMPLE_BYTES + SAMPLE_BYTES - 1)
    cache = PictureCache(scenes, memory)
    for index in range(3):
        assert not memory.is_full
        assert (cache[index].rgb == index).all()
    assert memory.is_full
    assert (cache[3].rgb == 3).all()
    scenes.read.clear()
    assert [cache[index].name for index in (0, 1, 2, 3)] == ["s0", "s1", "s2", "s3"]
    assert scenes.read == [2, 3]


def test_a_bound_of_exactly_one_picture_keeps_it():
    scenes = Scenes(1)
    cache = PictureCache(scenes, MemoryBudget(SAMPLE_BYTES))
    assert cache[0] is cache[0]
    assert scenes.read == [0]


def test_without_memory_nothing_is_kept():
    scenes = Scenes(2)
    memory = MemoryBudget(0)
    cache = PictureCache(scenes, memory)
    assert memory.is_full
    assert (cache[1].rgb == cache[1].rgb).all()
    assert scenes.read == [1, 1]


def test_a_kept_picture_cannot_be_changed_and_the_sources_own_can():
    rgb = np.zeros((4, 5, 3), np.uint8)
    kept = PictureCache([Sample("s", rgb)], MemoryBudget(1000))[0]
    with pytest.raises(ValueError, match="read-only"):
        kept.rgb[0, 0] = 1
    rgb[0, 0] = 1


def test_masks_of_negatives_count():
    mask = np.ones((4, 5), bool)
    negatives = [
        Negative(name, np.zeros((4, 5, 3), np.uint8), Box(0, 0, 5, 4), mask, ~mask)
        for name in ("a", "b")
    ]
    memory = MemoryBudget(2 * 4 * 5 * 5)
    cache = PictureCache(negatives, memory)
    assert cache[0].box == Box(0, 0, 5, 4)
    assert cache[0].mask.all()
    assert not cache[0].background.any()
    assert cache[1] is cache[1]
    assert not memory.take(1)


def test_two_sources_share_one_bound():
    first, second = Scenes(2), Scenes(2)
    memory = MemoryBudget(3 * SAMPLE_BYTES)
    caches = [PictureCache(scenes, memory) for scenes in (first, second)]
    for index in range(2):
        for cache in caches:
            cache[index]
    first.read.clear()
    second.read.clear()
    for cache in caches:
        assert [cache[index].name for index in range(2)] == ["s0", "s1"]
    assert (first.read, second.read) == ([], [1])


@pytest.mark.parametrize(
    ("room", "read"), [(100, ([0, 1, 2], [0])), (2, ([0, 1], [0])), (0, ([], []))]
)
def test_filling_reads_in_turns_until_the_bound_is_reached(room, read):
    longer, shorter = Scenes(3), Scenes(1)
    memory = MemoryBudget(room * SAMPLE_BYTES)
    fill([PictureCache(scenes, memory) for scenes in (longer, shorter)], memory)
    assert (longer.read, shorter.read) == read
