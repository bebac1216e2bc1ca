"""What can be painted: solids, flat things and houses, each with its shadow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ldn_openset_ros.scenes.camera import View
from ldn_openset_ros.scenes.canvas import BUILDING, Canvas
from ldn_openset_ros.scenes.facades import House
from ldn_openset_ros.scenes.light import Light
from ldn_openset_ros.scenes.mesh import Mesh, box
from ldn_openset_ros.scenes.shadows import ShadowMap
from ldn_openset_ros.scenes.solids import paint_mesh
from ldn_openset_ros.scenes.surfaces import Texture, paint_surface

PLOTS, FRONTAGE, STREET = range(3)
"""Layers from back to front: houses and trees beside the street, what bounds the pavement, the
street. Nothing hides what stands nearer to the road's middle; within a layer the far things come
first."""


@dataclass(frozen=True)
class Scene:
    """What all items are painted with: the view, the light and a noise tile for textures."""

    view: View
    light: Light
    grain: np.ndarray


@dataclass(frozen=True)
class Solid:
    """A mesh at its place; its corners are in street coordinates."""

    mesh: Mesh
    label: int
    layer: int = STREET
    roughness: float = 0.06
    shade: float = 1.0

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest street coordinates."""
        return self.mesh.extent()

    @cached_property
    def s(self) -> float:
        """Place along the road that the item is sorted by."""
        low, high = self.bounds
        return float(low[2] + high[2]) / 2

    def paint(self, canvas: Canvas, scene: Scene) -> None:
        """Paint the mesh."""
        paint_mesh(
            canvas, scene.view, scene.light, self.mesh, self.label, scene.grain,
            self.roughness, self.shade,
        )  # fmt: skip

    def darken(self, shadows: ShadowMap) -> None:
        """Throw the mesh's shadow."""
        low, high = self.bounds
        points = self.mesh.corners.reshape(-1, 3)
        shadows.cast(points[:: max(1, len(points) // 120)])
        if low[1] < 0.3:
            shadows.touch(low, high)


@dataclass(frozen=True)
class Flat:
    """A texture on a four-cornered surface: a fence, a sign plate, the sprite of a tree.

    normal: unit vector that its light is computed for; soft: it scatters light like foliage.
    foot: width in metres of its footprint on the ground, 0 = none.
    """

    corners: np.ndarray
    texture: Texture
    label: int
    normal: tuple[float, float, float]
    layer: int = STREET
    soft: bool = False
    foot: float = 0.0
    shade: float = 1.0

    @cached_property
    def s(self) -> float:
        """Place along the road that the item is sorted by."""
        return float(self.corners[:, 2].mean())

    def paint(self, canvas: Canvas, scene: Scene) -> None:
        """Paint the surface."""
        normal = np.array([self.normal])
        lighting = scene.light.illuminate(normal)[0]
        if self.soft:
            lighting = 0.45 * scene.light.sun_colour + 0.72 * scene.light.sky_colour
        paint_surface(
            canvas, scene.view, scene.light, self.corners, self.texture, self.label,
            lighting * self.shade,
        )  # fmt: skip

    def darken(self, shadows: ShadowMap) -> None:
        """Throw the surface's shadow; a tree's is the one of a crown with some depth."""
        shadows.cast(self._silhouette)
        if self.foot:
            middle = float(self.corners[:2, 0].mean())
            trunk = np.array((middle - self.foot / 2, 0, self.s))
            top = np.array((0, float(self.corners[0, 1]) / 2, 0))
            wide = np.array((self.foot, 0, 0))
            shadows.cast(np.array((trunk, trunk + wide, trunk + wide + top, trunk + top)))
            reach = np.array((self.foot / 2, 0, 0.2))
            shadows.touch(trunk - reach, trunk + wide + reach)

    @cached_property
    def _silhouette(self) -> np.ndarray:
        """Street points whose hull throws the shadow: a crown's, where there is a foot."""
        if not self.foot:
            return self.corners
        (left, right), top = self.corners[:2, 0], float(self.corners[0, 1])
        middle, reach = (left + right) / 2, (right - left) / 2
        angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        crown = [
            (middle + 0.85 * reach * np.cos(a), top * (0.62 + 0.3 * np.sin(a)), self.s + off)
            for a in angles
            for off in (-0.6 * reach, 0.6 * reach)
        ]
        return np.array(crown)


@dataclass(frozen=True)
class Building:
    """A house whose front lies along the road.

    start: s of its near end; front: street x of its front; side: -1 left, 1 right of the road;
    exposed: whether its near side wall can be seen.
    """

    house: House
    start: float
    front: float
    side: int
    layer: int = PLOTS
    exposed: bool = True

    @property
    def s(self) -> float:
        """Place along the road that the item is sorted by."""
        return self.start

    def paint(self, canvas: Canvas, scene: Scene) -> None:
        """Paint side wall, roof and front."""
        house, side, light = self.house, self.side, scene.light
        s0, s1 = self.start, self.start + house.width
        near, far = self.front, self.front + side * house.depth
        top, ridge = house.height, house.height + house.roof_rise
        middle = (near + far) / 2

        def surface(corners, texture: Texture, normal) -> None:
            lighting = light.illuminate(np.array([normal]))[0]
            paint_surface(
                canvas, scene.view, light, np.array(corners), texture, BUILDING, lighting
            )

        if self.exposed and s0 > scene.view.s:
            left, right = (near, far) if side > 0 else (far, near)
            surface(
                ((left, ridge, s0), (right, ridge, s0), (right, 0, s0), (left, 0, s0)),
                house.gable, (0.0, 0.0, -1.0),
            )  # fmt: skip
        # Seen from the road, the left side's textures run away from the camera, the right side's
        # towards it.
        first, last = (s0, s1) if side < 0 else (s1, s0)
        if house.roof_rise:
            slope = np.array((-side * house.roof_rise, house.depth / 2, 0.0))
            surface(
                ((middle, ridge, first), (middle, ridge, last),
                 (near - side * 0.3, top - 0.1, last), (near - side * 0.3, top - 0.1, first)),
                house.roof, tuple(slope / np.linalg.norm(slope)),
            )  # fmt: skip
        surface(
            ((near, top, first), (near, top, last), (near, 0, last), (near, 0, first)),
            house.front, (-float(side), 0.0, 0.0),
        )  # fmt: skip
        if house.chimneys:
            paint_mesh(canvas, scene.view, light, self._chimney, BUILDING, scene.grain, 0.12)

    @cached_property
    def _chimney(self) -> Mesh:
        house = self.house
        middle = self.front + self.side * house.depth / 2
        ridge = house.height + house.roof_rise
        return box((middle, ridge + 0.3, self.start + 0.4), (1.1, 1.6, 0.6), house.wall_colour)

    def darken(self, shadows: ShadowMap) -> None:
        """Throw the shadow of the whole block."""
        house = self.house
        far = self.front + self.side * house.depth
        points = [
            (x, y, s)
            for s in (self.start, self.start + house.width)
            for x, y in ((self.front, 0), (self.front, house.height),
                         ((self.front + far) / 2, house.height + house.roof_rise))
        ]  # fmt: skip
        shadows.cast(np.array(points))


Item = Solid | Flat | Building
