"""Houses and trees set down beside the street."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ldn_openset_ros.scenes.canvas import BUILDING, TREE
from ldn_openset_ros.scenes.facades import House
from ldn_openset_ros.scenes.items import PLOTS, Flat, Item, Solid
from ldn_openset_ros.scenes.mesh import box
from ldn_openset_ros.scenes.trees import Tree


def place_house(
    house: House, start: float, front: float, side: int, exposed: bool
) -> Iterator[Item]:
    """Set a house down with its front along the road.

    start: s of its near end; front: street x of its front; side: -1 left, 1 right of the road;
    exposed: whether its near side wall can be seen.
    """
    near, far, end = front, front + side * house.depth, start + house.width
    top, ridge, middle = (
        house.height,
        house.height + house.roof_rise,
        front + side * house.depth / 2,
    )
    # All surfaces are sorted by the near end, in this order: wall, chimney, roof, front.
    if exposed:
        left, right = (near, far) if side > 0 else (far, near)
        wall = ((left, ridge, start), (right, ridge, start), (right, 0, start), (left, 0, start))
        yield Flat(np.array(wall), house.gable, BUILDING, (0.0, 0.0, -1.0), PLOTS, behind=0.05)
    if house.chimneys:
        stack = box((middle, ridge + 0.3, start + 0.35), (1.1, 1.6, 0.6), house.wall_colour)
        yield Solid(stack, BUILDING, PLOTS, 0.12)
    # On the left the textures run away from the camera, on the right towards it.
    first, last = (start, end) if side < 0 else (end, start)
    if house.roof_rise:
        slope = np.array((-side * house.roof_rise, house.depth / 2, 0.0))
        eaves, low = near - side * 0.3, top - 0.1
        roof = (
            (middle, ridge, first),
            (middle, ridge, last),
            (eaves, low, last),
            (eaves, low, first),
        )
        normal = tuple(slope / np.linalg.norm(slope))
        yield Flat(
            np.array(roof), house.roof, BUILDING, normal, PLOTS, behind=-house.width / 2 + 0.03
        )
    face = ((near, top, first), (near, top, last), (near, 0, last), (near, 0, first))
    block = [(x, y, s) for s in (start, end) for x, y in ((near, 0), (near, top), (middle, ridge))]
    yield Flat(
        np.array(face), house.front, BUILDING, (-float(side), 0.0, 0.0), PLOTS, np.array(block),
        behind=-house.width / 2,
    )  # fmt: skip


def place_tree(tree: Tree, x: float, s: float, layer: int = PLOTS) -> Flat:
    """Set a tree or a bush down; its shadow is the one of a crown with some depth."""
    half, top = tree.width / 2, tree.height
    corners = np.array(
        ((x - half, top, s), (x + half, top, s), (x + half, 0, s), (x - half, 0, s))
    )
    crown = [
        (x + 0.85 * half * np.cos(a), top * (0.62 + 0.3 * np.sin(a)), s + deep)
        for a in np.linspace(0, 2 * np.pi, 14, endpoint=False)
        for deep in (-0.6 * half, 0.6 * half)
    ]
    return Flat(corners, tree.texture, TREE, None, layer, np.array(crown), foot=0.3)
