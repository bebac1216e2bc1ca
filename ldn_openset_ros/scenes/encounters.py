"""When and where the drive meets something from outside the taxonomy.

Slots follow each other along the road; some of the odd ones stay empty. Nothing stands in the way
of the camera: things lie beside its lane or on the centre line, and animals have crossed before it
arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ldn_openset_ros.scenes.outliers import STANDING, WALKING
from ldn_openset_ros.scenes.street import Street

SPACING = 60.0
"""Metres from slot to slot."""
VISIBLE = 80.0
"""Metres from which on an outlier is drawn."""
_FIRST = 40.0
_OCCUPIED = 0.75
"""Share of the odd slots that hold something; the even ones all do."""
_SMALL, _LONG = ("tyres", "ball", "barrel"), ("log",)
_CLEAR_SECONDS = 1.7


@dataclass(frozen=True)
class Encounter:
    """One thing outside the taxonomy.

    s: where along the road; x: where across it when the camera passes; seed: of its looks.
    pace: metres per second across the road, signed; 0 = it stays.
    limit: greatest distance from the middle; there it waits before it crosses, and stops after.
    yaw: heading in radians, 0 = along the road.
    """

    kind: str
    seed: tuple[int, ...]
    s: float
    x: float
    pace: float
    limit: float
    yaw: float

    def place(self, seconds_to_pass: float) -> float:
        """Return x at a moment before the camera passes."""
        x = self.x - self.pace * seconds_to_pass
        return x if not self.pace else min(max(x, -self.limit), self.limit)


class Encounters:
    """All encounters of a drive; none where it is to stay free of outliers."""

    def __init__(self, seed: int, street: Street, outliers: bool) -> None:
        self._seed = seed
        self._street = street
        self.outliers = outliers
        self._slot = lru_cache(maxsize=64)(self._draw)

    def between(self, first: float, last: float) -> list[Encounter]:
        """Return the encounters on a stretch of road, nearest first."""
        if not self.outliers:
            return []
        low = max(0, int((first - _FIRST) // SPACING) - 1)
        high = max(low, int((last - _FIRST) // SPACING) + 2)
        met = (self._slot(number) for number in range(low, high))
        return [e for e in met if e is not None and first <= e.s <= last]

    def _draw(self, slot: int) -> Encounter | None:
        """Return what waits in a slot, None where it is empty."""
        street, identity = self._street, (self._seed, 72, slot)
        rng = np.random.default_rng((self._seed, 71, slot))
        s = _FIRST + SPACING * slot + float(rng.uniform(-8, 8)) * (slot > 0)
        if slot % 2 and rng.random() > _OCCUPIED:
            return None
        edge = street.kerb + 0.7
        if rng.random() < 0.5:
            kind = str(rng.choice(list(WALKING)))
            direction = float(rng.choice((-1, 1)))
            pace = direction * float(rng.uniform(1.2, 2.0))
            clear = street.ego_lane + direction * (2.4 if kind != "elephant" else 3.4)
            x = clear + pace * _CLEAR_SECONDS
            return Encounter(kind, identity, s, x, pace, edge + 0.6, direction * np.pi / 2)
        kind = str(rng.choice(list(STANDING)))
        outer = abs(street.ego_lane) + (2.9 if kind in _LONG else 2.3)
        places = [outer, -outer]
        if not street.parking:  # behind parked cars it would hardly be seen
            places += [edge, -edge]
        if kind in _SMALL:
            places.append(0.0)
        x, yaw = float(rng.choice(places)), float(rng.uniform(-0.4, 0.4))
        return Encounter(kind, identity, s, x, 0.0, abs(x), yaw)
