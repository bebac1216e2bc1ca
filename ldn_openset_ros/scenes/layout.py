"""What stands along the road: one chunk of road after the other, each from its own seed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ldn_openset_ros.scenes.buildings import place_house, place_tree
from ldn_openset_ros.scenes.canvas import CAR, FENCE, POLE, SIGN, TREE
from ldn_openset_ros.scenes.encounters import Encounter, Encounters
from ldn_openset_ros.scenes.furniture import build_bollard, build_sign_post, build_traffic_light
from ldn_openset_ros.scenes.items import CARRIAGEWAY, FRONTAGE, KERBSIDE, PAVED, Flat, Item, Solid
from ldn_openset_ros.scenes.mesh import Mesh
from ldn_openset_ros.scenes.stock import Stock
from ldn_openset_ros.scenes.street import Street
from ldn_openset_ros.scenes.surfaces import Texture

_PANEL = 8.0
"""Metres in a panel of fence or hedge."""

CHUNK = 40.0
"""Metres of road in a chunk."""

_AWAY = (0.0, 0.0, -1.0)


class Layout:
    """The standing things of an endless street.

    seed: of the drive; encounters: what room is kept for.
    """

    def __init__(self, seed: int, street: Street, stock: Stock, encounters: Encounters) -> None:
        self._seed = seed
        self._street = street
        self._stock = stock
        self._encounters = encounters
        rng = np.random.default_rng((seed, 21))
        self._houses_share = float(rng.uniform(0.45, 1.0))
        self._street_trees = float(rng.choice((0.0, 0.0, 13.0, 19.0)))
        self._fence_kind = str(rng.choice(("railing", "boards", "hedge")))
        self._kerb_rails = float(rng.uniform(0, 0.25))
        self._parked = float(rng.uniform(0.3, 0.85)) if street.parking else 0.0
        self._bollards = bool(rng.random() < 0.25)
        # The chunks in view change slowly; building them anew for each frame would cost most.
        self.chunk = lru_cache(maxsize=32)(self._build_chunk)

    def _build_chunk(self, number: int) -> tuple[Item, ...]:
        """Return what stands between `number` and `number` + 1 times CHUNK metres."""
        start = number * CHUNK
        items: list[Item] = []
        for side in (-1, 1):
            rng = np.random.default_rng((self._seed, 22, number, side + 1))
            if rng.random() < self._houses_share:
                items += self._terrace(rng, start, side)
            else:
                items += self._park(rng, start, side)
            items += self._roadside(rng, start, side, number)
            items += self._parked_cars(rng, start, side)
        items += self._crossing_lights(start)
        kept = self._encounters.between(start - 10, start + CHUNK + 10)
        return tuple(i for i in items if not _in_the_way(i, kept))

    def _terrace(self, rng: np.random.Generator, start: float, side: int) -> Iterator[Item]:
        s, end = start, start + CHUNK
        gap = rng.random() < 0.35
        front = side * (self._street.facade + float(rng.uniform(0, 0.5)))
        number = int(rng.integers(1000))
        joined, neighbour = -1.0, 0.0
        while True:
            if rng.random() < 0.5:
                number = int(rng.integers(1000))
            house = self._stock.house(number)
            if s + house.width > end:
                break
            exposed = s != joined or house.height + house.roof_rise > neighbour
            yield from place_house(house, s, front, side, exposed)
            joined, neighbour = s + house.width, house.height + house.roof_rise
            s += house.width + (float(rng.uniform(1.5, 4)) if gap and rng.random() < 0.4 else 0)
        # What is left over is a yard with trees behind a hedge.
        for place in np.arange(s + 1, end, 2.5):
            tree = self._stock.tree(int(rng.integers(1000)))
            yield place_tree(tree, side * (self._street.facade + rng.uniform(4, 9)), place)
        yield from self._boundary(s, end, side * (self._street.facade - 0.1), "boards")
        if self._street.green:
            yield from self._boundary(
                start, s, side * (self._street.front + 0.15), self._fence_kind
            )
            for place in np.arange(start + 2, s, 4.0):
                if rng.random() < 0.35:
                    bush = self._stock.bush(int(rng.integers(1000)))
                    x = side * (self._street.front + self._street.facade) / 2
                    yield place_tree(bush, x, place, FRONTAGE)

    def _park(self, rng: np.random.Generator, start: float, side: int) -> Iterator[Item]:
        front = self._street.facade
        for place in np.arange(start, start + CHUNK, 5.0):
            tree = self._stock.tree(int(rng.integers(1000)))
            yield place_tree(tree, side * (front + rng.uniform(9, 16)), place + rng.uniform(0, 2))
        for place in np.arange(start, start + CHUNK, 7.0):
            tree = self._stock.tree(int(rng.integers(1000)))
            yield place_tree(tree, side * (front + rng.uniform(2.5, 6)), place + rng.uniform(0, 4))
        for place in np.arange(start, start + CHUNK, 4.0):
            bush = self._stock.bush(int(rng.integers(1000)))
            yield place_tree(bush, side * (front + rng.uniform(1.0, 3.5)), place)
        kind = str(rng.choice(("railing", "boards", "hedge")))
        yield from self._boundary(start, start + CHUNK, side * (self._street.front + 0.15), kind)

    def _boundary(self, start: float, end: float, x: float, kind: str) -> Iterator[Item]:
        if kind == "hedge":
            texture, height, label = self._stock.hedge(), 1.5, TREE
        else:
            fence = self._stock.railing() if kind == "railing" else self._stock.board_fence()
            (texture, height), label = fence, FENCE
        s = start
        while s < end - 0.5:
            yield _wall(x, s, min(s + _PANEL, end), height, texture, label)
            s += _PANEL

    def _roadside(
        self, rng: np.random.Generator, start: float, side: int, number: int
    ) -> Iterator[Item]:
        street, stock = self._street, self._stock
        edge = street.kerb + 0.45
        if (number + (side > 0)) % 2 == 0:
            lamp = stock.lamp_post(-side)
            yield Solid(
                lamp.moved((side * edge, 0, start + rng.uniform(5, 12))), POLE, roughness=0.03
            )
        if self._street_trees:
            for place in np.arange(start + 4, start + CHUNK, self._street_trees):
                tree = stock.tree(int(rng.integers(1000)))
                yield place_tree(tree, side * (edge + 0.3), place + rng.uniform(0, 3), layer=PAVED)
        if rng.random() < 0.6:
            yield from self._sign(rng, side * edge, start + rng.uniform(14, CHUNK - 2))
        if rng.random() < self._kerb_rails:
            texture, height = stock.railing()
            first = start + rng.uniform(0, 14)
            for s in np.arange(first, first + 2 * _PANEL, _PANEL):
                x = side * (street.kerb + 0.3)
                yield _wall(x, s, s + _PANEL, height, texture, FENCE, KERBSIDE)
        elif self._bollards:
            bollard = build_bollard()
            for s in np.arange(start + 1, start + CHUNK, 5.0):
                yield Solid(bollard.moved((side * (street.kerb + 0.35), 0, s)), POLE)

    def _parked_cars(self, rng: np.random.Generator, start: float, side: int) -> Iterator[Item]:
        for s in np.arange(start + 3.3, start + CHUNK, 6.6):
            if rng.random() < self._parked:
                car = self._stock.private_car(int(rng.integers(1000)))
                yaw = 0.0 if side == self._street.side or rng.random() < 0.3 else np.pi
                x, place = side * (self._street.kerb - 1.05), s + rng.uniform(-0.3, 0.3)
                yield Solid(placed(car, x, place, yaw), CAR, CARRIAGEWAY, 0.0)

    def _sign(self, rng: np.random.Generator, x: float, s: float) -> Iterator[Item]:
        texture, width, height = self._stock.sign_plate(int(rng.integers(1000)))
        low = float(rng.uniform(2.0, 2.3))
        yield Solid(build_sign_post(low + height * 0.9).moved((x, 0, s)), POLE, roughness=0.0)
        yield _plate(texture, x, s, low, width, height)

    def _crossing_lights(self, start: float) -> Iterator[Item]:
        street = self._street
        if not street.crossing_period:
            return
        slot = int(np.ceil((start - street.crossing_start) / street.crossing_period))
        place = street.crossing_start + slot * street.crossing_period - 0.6
        if slot < 0 or place >= start + CHUNK or slot % 2:
            return
        rng = np.random.default_rng((self._seed, 23, slot))
        head = build_traffic_light(rng)
        for side in (-1, 1):
            x = side * (street.kerb + 0.35)
            yield Solid(build_sign_post(2.3).moved((x, 0, place)), POLE)
            yield Solid(head.moved((x, 0, place)), SIGN)


def _wall(
    x: float, start: float, end: float, height: float, texture: Texture, label: int,
    layer: int = FRONTAGE,
) -> Flat:  # fmt: skip
    """Set up a fence or a hedge along the road; the last panel may be a squeezed one."""
    first, last = (start, end) if x < 0 else (end, start)
    corners = np.array(((x, height, first), (x, height, last), (x, 0, last), (x, 0, first)))
    normal = None if label == TREE else (-1.0 if x > 0 else 1.0, 0.0, 0.0)
    casts = corners if label == TREE else np.empty((0, 3))
    return Flat(corners, texture, label, normal, layer, casts)


def _plate(texture, x: float, s: float, low: float, width: float, height: float) -> Flat:
    half, s = width / 2, s - 0.06
    corners = np.array(
        (
            (x - half, low + height, s),
            (x + half, low + height, s),
            (x + half, low, s),
            (x - half, low, s),
        )
    )
    return Flat(corners, texture, SIGN, _AWAY)


def _in_the_way(item: Item, encounters: list[Encounter]) -> bool:
    """Tell whether an item on or beside the road stands where an encounter takes place."""
    if item.layer < PAVED:
        return False
    corners = item.mesh.corners if isinstance(item, Solid) else item.corners
    x = float(np.reshape(corners, (-1, 3))[:, 0].mean())
    room = 6.0 if isinstance(item, Solid) and item.label == CAR else 3.5
    return any(
        abs(item.s - e.s) < room and (e.pace != 0 or abs(x - e.x) < 2.6) for e in encounters
    )


def placed(mesh: Mesh, x: float, s: float, yaw: float = 0.0) -> Mesh:
    """Return a mesh turned to `yaw` and set down at street coordinates."""
    return (mesh.turned(yaw) if yaw else mesh).moved((x, 0, s))
