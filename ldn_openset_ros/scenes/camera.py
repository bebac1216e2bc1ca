"""From the street to the picture: a pinhole camera that rides along a gently bending road.

Places are given in street coordinates, metres: x to the right of the road's centre line, y up
from the ground, s along the road. A bend shifts whatever lies at s sideways, so a bending street
has the depth order and the scale of a straight one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ldn_openset_ros.data.sample import PinholeCamera

NEAREST = 0.2
"""Depth in metres below which nothing is drawn."""


@dataclass(frozen=True)
class Bend:
    """Sideways course of the road: sines of the way driven.

    amplitudes, lengths: metres; phases: radians.
    """

    amplitudes: tuple[float, ...] = ()
    lengths: tuple[float, ...] = ()
    phases: tuple[float, ...] = ()

    def offset(self, s: np.ndarray | float) -> np.ndarray | float:
        """Return the sideways place of the centre line, in metres."""
        waves = zip(self.amplitudes, self.lengths, self.phases, strict=True)
        return sum(a * np.sin(2 * np.pi * s / length + p) for a, length, p in waves)

    def slope(self, s: float) -> float:
        """Return the derivative of `offset`: the tangent of the road's heading."""
        waves = zip(self.amplitudes, self.lengths, self.phases, strict=True)
        return float(
            sum(
                a * 2 * np.pi / length * np.cos(2 * np.pi * s / length + p)
                for a, length, p in waves
            )
        )


@dataclass(frozen=True)
class View:
    """The camera at one moment.

    x, height, s: street coordinates of the optical centre; pitch: radians, positive looks down.
    """

    camera: PinholeCamera
    x: float
    height: float
    s: float
    pitch: float = 0.0
    bend: Bend = Bend()

    @property
    def horizon(self) -> float:
        """Row of the horizon."""
        return self.camera.cy - self.camera.fy * float(np.tan(self.pitch))

    @property
    def heading(self) -> float:
        """Heading of the road under the camera, in radians."""
        return float(np.arctan(self.bend.slope(self.s)))

    def shift(self, s: np.ndarray | float) -> np.ndarray | float:
        """Return the sideways place of the centre line at `s` seen from the camera, in metres."""
        return np.interp(s, *self._shifts)

    @cached_property
    def _shifts(self) -> tuple[np.ndarray, np.ndarray]:
        # A frame asks some hundred times; a bend is straight enough over a metre.
        s = self.s + np.arange(-60.0, 700.0)
        here = self.bend.offset(self.s) + self.bend.slope(self.s) * (s - self.s)
        return s, self.bend.offset(s) - here - self.x

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project street coordinates (N, 3) to pixels (N, 2) and depths (N,) in metres.

        Pixels are meaningless where the depth returned is below NEAREST.
        """
        points = np.asarray(points, np.float64)
        ahead = points[:, 2] - self.s
        right = points[:, 0] + self.shift(points[:, 2])
        down = self.height - points[:, 1]
        sine, cosine = math.sin(self.pitch), math.cos(self.pitch)
        depth = ahead * cosine + down * sine
        below = down * cosine - ahead * sine
        safe = np.maximum(depth, NEAREST)
        camera = self.camera
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = camera.cx + camera.fx * right / safe
        pixels[:, 1] = camera.cy + camera.fy * below / safe
        return pixels, depth

    def may_see(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return, bool (N,), which boxes between street points (N, 3) may be in the picture."""
        depth = high[:, 2] - self.s
        reach = (self.camera.width / 2 / self.camera.fx) * np.maximum(depth, 0) + 1.0
        shift = self.shift((low[:, 2] + high[:, 2]) / 2)
        return (depth > NEAREST) & (high[:, 0] + shift > -reach) & (low[:, 0] + shift < reach)

    def ground_rows(self) -> tuple[int, np.ndarray]:
        """Return the first row that sees the ground and, from it down, the distance in metres.

        Without roll, the distance along the road is the same in the whole row. The first row is
        the image's height where the ground is out of sight.
        """
        camera = self.camera
        slope = (np.arange(camera.height) - camera.cy) / camera.fy
        sine, cosine = np.sin(self.pitch), np.cos(self.pitch)
        down = slope * cosine + sine
        rows = np.flatnonzero(down > 1e-4)
        first = int(rows[0]) if rows.size else camera.height
        return first, self.height * (cosine - slope[first:] * sine) / down[first:]

    def ground_columns(self, distance: np.ndarray) -> np.ndarray:
        """Return the street's x of the ground (rows, width), float32, for rows of `distance`."""
        camera = self.camera
        sine, cosine = np.sin(self.pitch), np.cos(self.pitch)
        depth = distance * cosine + self.height * sine
        across = (np.arange(camera.width, dtype=np.float32) - camera.cx) / camera.fx
        shift = self.shift(self.s + distance)
        return np.outer(depth.astype(np.float32), across) - shift[:, None].astype(np.float32)
