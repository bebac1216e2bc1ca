"""What a drive draws its things from: a few variants of each kind, built when first seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ldn_openset_ros.scenes.facades import House, build_house
from ldn_openset_ros.scenes.furniture import (
    build_board_fence,
    build_lamp_post,
    build_railing,
    build_sign_plate,
)
from ldn_openset_ros.scenes.mesh import Mesh
from ldn_openset_ros.scenes.outliers import STANDING, WALKING
from ldn_openset_ros.scenes.people import Person, build_cyclist, build_walker, draw_person
from ldn_openset_ros.scenes.surfaces import Texture
from ldn_openset_ros.scenes.trees import Tree, build_bush, build_hedge, build_tree
from ldn_openset_ros.scenes.vehicles import build_bus, build_car

Thing = TypeVar("Thing")

GAIT_STEPS = 10
"""Phases of a gait that meshes are built for."""


class Stock:
    """Variants by kind and number; the same seed has the same stock whatever is asked first."""

    houses, trees, bushes, cars, people, plates = 14, 5, 4, 12, 12, 8

    def __init__(self, seed: int, sun_side: float) -> None:
        self._seed = seed
        self._sun_side = sun_side
        self._built: dict[tuple, object] = {}
        self._met: dict[tuple, Mesh] = {}

    def house(self, number: int) -> House:
        """Return a house."""
        return self._get("house", number % self.houses, build_house)

    def tree(self, number: int) -> Tree:
        """Return a tree."""
        return self._get("tree", number % self.trees, lambda r: build_tree(r, self._sun_side))

    def bush(self, number: int) -> Tree:
        """Return a bush."""
        return self._get("bush", number % self.bushes, lambda r: build_bush(r, self._sun_side))

    def hedge(self) -> Texture:
        """Return the face of a hedge, 8 m by 1.5 m."""
        return self._get("hedge", 0, build_hedge)

    def railing(self) -> tuple[Texture, float]:
        """Return 8 m of railing and its height."""
        return self._get("railing", 0, build_railing)

    def board_fence(self) -> tuple[Texture, float]:
        """Return 8 m of boarded fence and its height."""
        return self._get("boards", 0, build_board_fence)

    def lamp_post(self, arm_side: int) -> Mesh:
        """Return a lamp post with its arm to the left (-1) or right (1)."""
        return self._get(f"lamp{arm_side}", 0, lambda r: build_lamp_post(r, arm_side))

    def sign_plate(self, number: int) -> tuple[Texture, float, float]:
        """Return a sign's texture, width and height."""
        return self._get("plate", number % self.plates, build_sign_plate)

    def car(self, number: int) -> Mesh:
        """Return a car, or now and then a bus."""
        number %= self.cars
        return self._get("car", number, build_bus if number == self.cars - 1 else build_car)

    def private_car(self, number: int) -> Mesh:
        """Return a car or van, never the bus."""
        return self.car(number % (self.cars - 1))

    def walker(self, number: int, phase: float, fine: bool) -> Mesh:
        """Return a pedestrian in a phase (0..1) of the gait, with smooth or with coarse limbs."""
        number %= self.people
        person = self._get("person", number, draw_person)
        kind = "walker" if fine else "far_walker"
        return self._posed(kind, number, phase, lambda p: build_walker(person, p, fine))

    def cyclist(self, number: int, phase: float) -> Mesh:
        """Return a cyclist in a phase (0..1) of the pedals."""
        number %= self.people
        person: Person = self._get("rider", number, lambda r: draw_person(r, 0.3))
        return self._posed("cyclist", number, phase, lambda p: build_cyclist(person, p))

    def outlier(self, kind: str, seed: tuple[int, ...], phase: float) -> Mesh:
        """Return something from outside the taxonomy, in a phase (0..1) of its gait."""
        step = int(phase * GAIT_STEPS) % GAIT_STEPS
        build = WALKING.get(kind) or STANDING[kind]
        key = (kind, seed, step)
        if key not in self._met:
            if len(self._met) >= 8 * GAIT_STEPS:
                self._met.clear()
            self._met[key] = build(np.random.default_rng(seed), step / GAIT_STEPS)
        return self._met[key]

    def _posed(self, kind: str, number: int, phase: float, build: Callable[[float], Mesh]) -> Mesh:
        step = int(phase * GAIT_STEPS) % GAIT_STEPS
        return self._get(f"{kind}{step}", number, lambda _: build(step / GAIT_STEPS))

    def _get(self, kind: str, number: int, build: Callable[[np.random.Generator], Thing]) -> Thing:
        key = (kind, number)
        if key not in self._built:
            name = [*kind.encode()]
            self._built[key] = build(np.random.default_rng((self._seed, 11, *name, number)))
        return self._built[key]
