"""What moves: cars, cyclists and pedestrians, as functions of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ldn_openset_ros.scenes.canvas import BICYCLIST, CAR, PEDESTRIAN
from ldn_openset_ros.scenes.encounters import VISIBLE, Encounter, Encounters
from ldn_openset_ros.scenes.items import CARRIAGEWAY, PAVED, Solid
from ldn_openset_ros.scenes.layout import CHUNK, placed
from ldn_openset_ros.scenes.stock import Stock
from ldn_openset_ros.scenes.street import Street

_ONCOMING_GAP = 38.0
_ONCOMING_SPEED = 8.0
_CYCLE_SPEED = 4.6
_STRIDE = 1.45
"""Metres of a pedestrian's two steps."""
_WALKERS_TO = 90.0
"""Metres up to which pedestrians are drawn; farther ones are some ten pixels high."""
_FINE_TO = 25.0
"""Metres up to which they have smooth limbs."""


@dataclass(frozen=True)
class Mover:
    """A road user that keeps its lane: at `time` seconds it is at s = origin + pace * time.

    label: its class; number: which of the stock it is; x: street x, metres; pace: metres per
    second, signed; phase: of its gait at time 0, 0..1; room: metres across that it needs.
    """

    label: int
    number: int
    x: float
    origin: float
    pace: float
    phase: float
    room: float


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
        self._of_chunk = lru_cache(maxsize=32)(self._draw_chunk)
        self._oncoming = lru_cache(maxsize=64)(self._draw_oncoming)

    def at(self, time: float, first: float, last: float) -> Iterator[Solid]:
        """Return the road users between street places `first` and `last` at `time` seconds."""
        if self._lead_gap:
            s = self._speed * time + self._lead_gap + 3 * np.sin(time / 5)
            mesh = placed(self._stock.car(self._lead), self._street.ego_lane, s)
            yield Solid(mesh, CAR, CARRIAGEWAY, 0.0)
        driven = _ONCOMING_SPEED * time
        slots = (int((place + driven) // _ONCOMING_GAP) for place in (first, last))
        for number in range(max(0, next(slots)), next(slots) + 1):
            for mover in self._oncoming(number):
                yield self._solid(mover, time)
        for chunk in range(max(0, int(first // CHUNK)), max(0, int(last // CHUNK) + 1)):
            for mover in self._of_chunk(chunk):
                away = mover.origin + (mover.pace - self._speed) * time
                if mover.label != PEDESTRIAN or away < _WALKERS_TO:
                    yield self._solid(mover, time)

    def _solid(self, mover: Mover, time: float) -> Solid:
        s = mover.origin + mover.pace * time
        phase = (mover.phase + abs(mover.pace) * time / _STRIDE) % 1
        layer, roughness = CARRIAGEWAY, 0.06
        if mover.label == PEDESTRIAN:
            fine = s - self._speed * time < _FINE_TO
            mesh, layer = self._stock.walker(mover.number, phase, fine), PAVED
        elif mover.label == BICYCLIST:
            mesh = self._stock.cyclist(mover.number, (mover.phase + 1.1 * time) % 1)
        else:
            mesh, roughness = self._stock.car(mover.number), 0.0
        yaw = 0.0 if mover.pace > 0 else np.pi
        return Solid(placed(mesh, mover.x, s, yaw), mover.label, layer, roughness)

    def _draw_oncoming(self, number: int) -> tuple[Mover, ...]:
        """Return the oncoming car of a slot, if there is one."""
        rng = np.random.default_rng((self._seed, 32, number))
        origin = number * _ONCOMING_GAP + float(rng.uniform(0, 22))
        x = float(rng.uniform(-0.2, 0.2)) - self._street.ego_lane
        car = Mover(CAR, int(rng.integers(1000)), x, origin, -_ONCOMING_SPEED, 0.0, 3.2)
        meeting = origin / (self._speed + _ONCOMING_SPEED) * self._speed
        met = self._encounters.between(meeting - 2, meeting + 200)
        return self._unhindered([car] if rng.random() < self._density else [], met)

    def _draw_chunk(self, chunk: int) -> tuple[Mover, ...]:
        """Return the pedestrians and cyclists of a chunk of road.

        Their ways are counted from the moment the camera arrives, so that they are near their
        chunk then however long the drive is.
        """
        start, street = chunk * CHUNK, self._street
        arrival = (start + CHUNK / 2) / self._speed
        movers = []
        for side in (-1, 1):
            rng = np.random.default_rng((self._seed, 33, chunk, side + 1))
            for _ in range(int(rng.poisson(self._walkers))):
                pace = float(rng.uniform(0.9, 1.6)) * int(rng.choice((-1, 1)))
                x = side * float(rng.uniform(street.kerb + 0.9, street.front - 0.35))
                origin = start + float(rng.uniform(0, CHUNK)) - pace * arrival
                number, phase = int(rng.integers(1000)), float(rng.random())
                movers.append(Mover(PEDESTRIAN, number, x, origin, pace, phase, 2.0))
            if rng.random() < self._cyclists:
                pace = _CYCLE_SPEED * side * street.side
                x = side * (street.kerb - (2.6 if street.parking else 0.7))
                origin = start + float(rng.uniform(0, CHUNK)) - pace * arrival
                number = int(rng.integers(1000))
                movers.append(Mover(BICYCLIST, number, x, origin, pace, 0.0, 2.2))
        return self._unhindered(movers, self._encounters.between(start - 100, start + CHUNK + 100))

    def _unhindered(self, movers: list[Mover], met: list[Encounter]) -> tuple[Mover, ...]:
        """Return the movers that run into no encounter while it is in view."""
        return tuple(m for m in movers if not any(self._meets(m, e) for e in met))

    def _meets(self, mover: Mover, met: Encounter) -> bool:
        to_pass = met.s / self._speed - (met.s - mover.origin) / mover.pace
        in_view = -2 < to_pass < VISIBLE / self._speed + 1
        return in_view and abs(met.place(to_pass) - mover.x) < mover.room
