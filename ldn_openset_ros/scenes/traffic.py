"""What moves: cars, cyclists and pedestrians, as functions of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ldn_openset_ros.scenes.canvas import BICYCLIST, CAR, PEDESTRIAN
from ldn_openset_ros.scenes.encounters import VISIBLE, Encounter, Encounters
from ldn_openset_ros.scenes.items import CARRIAGEWAY, Solid
from ldn_openset_ros.scenes.layout import CHUNK, placed
from ldn_openset_ros.scenes.stock import Stock
from ldn_openset_ros.scenes.street import Street

_ONCOMING_GAP = 38.0
_ONCOMING_SPEED = 8.0
_CYCLE_SPEED = 4.6
_WALKERS_TO = 90.0
"""Metres up to which pedestrians are drawn; farther ones are some ten pixels high."""


class Traffic:
    """Road users around a camera that drives at `speed` metres per second from s = 0."""

    def __init__(
        self, seed: int, street: Street, stock: Stock, speed: float, encounters: Encounters
    ) -> None:
        self._seed = seed
        self._street = street
        self._stock = stock
        self._speed = speed
        self._encounters = encounters
        rng = np.random.default_rng((seed, 31))
        self._density = float(rng.uniform(0.3, 0.8))
        self._walkers = float(rng.uniform(0.8, 3.5))
        self._cyclists = float(rng.uniform(0.1, 0.45))
        # Behind a close leader an animal could not cross unharmed.
        near, far = (55, 65) if encounters.outliers else (11, 55)
        self._lead_gap = float(rng.uniform(near, far)) if rng.random() < 0.6 else 0.0
        self._lead = int(rng.integers(1000))

    def at(self, time: float, first: float, last: float) -> Iterator[Solid]:
        """Return the road users between street places `first` and `last` at `time` seconds."""
        yield from self._oncoming(time, first, last)
        if self._lead_gap:
            s = self._speed * time + self._lead_gap + 3 * np.sin(time / 5)
            car = self._stock.car(self._lead)
            yield Solid(placed(car, self._street.ego_lane, s), CAR, CARRIAGEWAY, 0.02)
        for chunk in range(max(0, int(first // CHUNK)), max(0, int(last // CHUNK) + 1)):
            yield from self._of_chunk(chunk, time)

    def _oncoming(self, time: float, first: float, last: float) -> Iterator[Solid]:
        driven = _ONCOMING_SPEED * time
        low = max(0, int((first + driven) // _ONCOMING_GAP))
        for number in range(low, int((last + driven) // _ONCOMING_GAP) + 1):
            rng = np.random.default_rng((self._seed, 32, number))
            origin = number * _ONCOMING_GAP + float(rng.uniform(0, 22))
            car, x = int(rng.integers(1000)), float(rng.uniform(-0.2, 0.2)) - self._street.ego_lane
            if rng.random() > self._density:
                continue
            meeting = origin / (self._speed + _ONCOMING_SPEED) * self._speed
            met = self._encounters.between(meeting - 2, meeting + 200)
            if not any(self._meets(e, x, origin, -_ONCOMING_SPEED, 3.2) for e in met):
                mesh = placed(self._stock.car(car), x, origin - driven, np.pi)
                yield Solid(mesh, CAR, CARRIAGEWAY, 0.02)

    def _of_chunk(self, chunk: int, time: float) -> Iterator[Solid]:
        start = chunk * CHUNK
        street, stock = self._street, self._stock
        met = self._encounters.between(start - 100, start + CHUNK + 100)
        # Movements are counted from the moment the camera arrives, so that walkers stay near
        # their chunk however long the drive is.
        arrival = (start + CHUNK / 2) / self._speed
        for side in (-1, 1):
            rng = np.random.default_rng((self._seed, 33, chunk, side + 1))
            for _ in range(int(rng.poisson(self._walkers))):
                number, stride = int(rng.integers(1000)), float(rng.random())
                pace = float(rng.uniform(0.9, 1.6)) * int(rng.choice((-1, 1)))
                x = side * float(rng.uniform(street.kerb + 0.9, street.front - 0.35))
                origin = start + float(rng.uniform(0, CHUNK)) - pace * arrival
                s = origin + pace * time
                away = s - self._speed * time
                if away > _WALKERS_TO or any(self._meets(e, x, origin, pace, 2.0) for e in met):
                    continue
                mesh = stock.walker(number, (abs(pace) * time / 1.45 + stride) % 1, away < 25)
                yield Solid(placed(mesh, x, s, 0.0 if pace > 0 else np.pi), PEDESTRIAN)
            if rng.random() < self._cyclists:
                pace = _CYCLE_SPEED * side * street.side
                x = side * (street.kerb - (2.6 if street.parking else 0.7))
                origin = start + float(rng.uniform(0, CHUNK)) - pace * arrival
                if any(self._meets(e, x, origin, pace, 2.2) for e in met):
                    continue
                mesh = stock.cyclist(int(rng.integers(1000)), (time * 1.1) % 1)
                yaw = 0.0 if pace > 0 else np.pi
                yield Solid(placed(mesh, x, origin + pace * time, yaw), BICYCLIST, CARRIAGEWAY)

    def _meets(self, met: Encounter, x: float, origin: float, pace: float, room: float) -> bool:
        """Tell whether a road user, at s = origin + pace * time, runs into an encounter in view.

        x: street x that it keeps to; room: metres across that it needs to either side.
        """
        to_pass = met.s / self._speed - (met.s - origin) / pace
        in_view = -2 < to_pass < VISIBLE / self._speed + 1
        return in_view and abs(met.place(to_pass) - x) < room
