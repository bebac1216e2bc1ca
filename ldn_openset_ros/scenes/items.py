"""What stands or moves in a street: solids and flat things at their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ldn_openset_ros.scenes.mesh import Mesh
from ldn_openset_ros.scenes.surfaces import Texture

PLOTS, FRONTAGE, PAVED, KERBSIDE, CARRIAGEWAY = range(5)
"""Layers from the sides to the middle: houses and trees beside the street, what bounds the
pavement, the pavement, railings along the kerb, the road. Nothing hides what stands nearer to the
road's middle, so this is the order of painting; within a layer the far things come first."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A mesh whose corners are in street coordinates.

    roughness: strength of its surface's texture.
    """

    mesh: Mesh
    label: int
    layer: int = PAVED
    roughness: float = 0.06

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest street coordinates."""
        return self.mesh.extent()

    @cached_property
    def s(self) -> float:
        """Place along the road that the item is sorted by."""
        low, high = self.bounds
        return float(low[2] + high[2]) / 2

    @property
    def silhouette(self) -> np.ndarray:
        """Street points (N, 3) whose shadows' hull is the item's shadow."""
        points = self.mesh.corners.reshape(-1, 3)
        return points[:: max(1, len(points) // 120)]

    @property
    def footprint(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Least and greatest street coordinates of what touches the ground."""
        return self.bounds if self.bounds[0][1] < 0.3 else None


@dataclass(frozen=True, eq=False)
class Flat:
    """A texture on a four-cornered surface: a wall, a fence, a sign plate, a tree's sprite.

    corners: street coordinates (4, 3): top left, top right, bottom right, bottom left.
    normal: unit vector that its light is computed for, None = foliage, which scatters light.
    casts: street points whose shadows' hull is its shadow; empty = it throws none.
    foot: width in metres of what touches the ground, 0 = nothing does.
    behind: metres that it is sorted by in addition to its place.
    """

    corners: np.ndarray
    texture: Texture
    label: int
    normal: tuple[float, float, float] | None
    layer: int = PAVED
    casts: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    foot: float = 0.0
    behind: float = 0.0

    @cached_property
    def s(self) -> float:
        """Place along the road that the item is sorted by."""
        return float(self.corners[:, 2].mean()) + self.behind

    @property
    def silhouette(self) -> np.ndarray:
        """Street points (N, 3) whose shadows' hull is the item's shadow."""
        return self.casts

    @property
    def footprint(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Least and greatest street coordinates of what touches the ground."""
        if not self.foot:
            return None
        middle = np.array((float(self.corners[:, 0].mean()), 0, float(self.corners[0, 2])))
        reach = np.array((self.foot, 0, 0.25))
        return middle - reach, middle + reach


Item = Solid | Flat
