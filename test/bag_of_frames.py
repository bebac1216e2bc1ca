"""Bags for the tests of evaluations over bags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample

SIZE = (48, 64)


def make_samples(count: int, seed: int = 0) -> list[Sample]:
    """Frames of noise with one outlier each; the last two rows are void."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        rgb = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        outlier = np.zeros(SIZE, np.uint8)
        top, left = rng.integers(0, 30), rng.integers(0, 50)
        outlier[top : top + 6, left : left + 9] = 1
        outlier[-2:] = 255
        labels = rng.integers(0, 11, SIZE, dtype=np.uint8)
        labels[outlier == 1] = 255
        samples.append(Sample(f"{1 + number}.000000000", rgb, labels, outlier))
    return samples


def stamp_ns(number: int) -> int:
    return (1 + number) * 1_000_000_000


def write_bag(
    path: Path, samples: Sequence[Sample], storage: str = "mcap", compression: str | None = None
) -> Path:
    """Write samples with stamps of 1, 2, 3 ... seconds."""
    with BagWriter(path, storage, compression) as bag:
        for number, sample in enumerate(samples):
            bag.write(sample, stamp_ns(number))
    return path
