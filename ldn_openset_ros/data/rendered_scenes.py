"""Single rendered road scenes, each from a street, a weather and a camera of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.scenes.drive import Drive, DriveSettings


class RenderedScenes(Sequence[Sample]):
    """`count` independent scenes without outliers, every pixel labelled (`camvid` taxonomy).

    Item i depends on `seed` and i alone, so a larger count only adds scenes.
    """

    def __init__(self, count: int, seed: int = 0, width: int = 640, height: int = 360) -> None:
        if count < 0:
            raise OpenSetError(f"rendered scenes: count is {count}: give 0 or more")
        self._count = count
        self._seed = seed
        self._size = (width, height)

    def __len__(self) -> int:
        """Return the number of scenes."""
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Render one scene."""
        if not -self._count <= index < self._count:
            raise IndexError(f"scene {index} of {self._count}")
        index %= self._count
        rng = np.random.default_rng((self._seed, index))
        settings = DriveSettings(
            width=self._size[0],
            height=self._size[1],
            seed=int(rng.integers(2**31)),
            outliers=False,
            speed=float(rng.uniform(5, 13)),
            camera_height=float(rng.uniform(1.15, 1.8)),
            pitch=float(rng.uniform(-3, 6)),
            field_of_view=float(rng.uniform(48, 72)),
        )
        sample = Drive(settings).frame(int(rng.integers(1000)))
        return replace(sample, name=f"rendered_{self._seed}_{index:06d}")
