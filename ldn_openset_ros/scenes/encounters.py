"""When and where the drive meets something from outside the taxonomy.

Slots follow each other along the road; some stay empty. Nothing stands in the way of the camera:
things lie beside its lane or on the centre line, and animals have crossed before it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.scenes.outliers import STANDING, WALKING
from ldn_openset_ros.scenes.street import Street

SPACING = 60.0
"""Metres from slot to slot."""
VISIBLE = 75.0
"""Metres from which on an outlier is drawn."""
_FIRST = 40.0
_OCCUPIED = 0.68
_SMALL = ("tyres", "ball", "barrel")
_CLEAR_SECONDS = 1.7


@dataclass(frozen=True)
class Encounter:
    """One thing outside the taxonomy.

    s: where along the road; x: where across it when the camera passes; seed: of its looks.
    pace: metres per second across the road, signed; 0 = it stays.
    yaw: heading in radians, 0 = along the road.
    """

    kind: str
    seed: tuple[int, ...]
    s: float
    x: float
    pace: float
    yaw: float

    def place(self, seconds_to_pass: float) -> float:
        """Return x at a moment before the camera passes."""
        return self.x - self.pace * seconds_to_pass


def encounter(seed: int, slot: int, street: Street) -> Encounter | None:
    """Return what waits in a slot, None where it is empty; the first slot never is."""
    rng = np.random.default_rng((seed, 71, slot))
    s = _FIRST + SPACING * slot + float(rng.uniform(-8, 8)) * (slot > 0)
    if slot > 0 and rng.random() > _OCCUPIED:
        return None
    identity = (seed, 72, slot)
    if rng.random() < 0.5:
        kind = str(rng.choice(list(WALKING)))
        direction = float(rng.choice((-1, 1)))
        pace = direction * float(rng.uniform(1.2, 2.0))
        clear = street.ego_lane + direction * (2.4 if kind != "elephant" else 3.4)
        return Encounter(
            kind, identity, s, clear + pace * _CLEAR_SECONDS, pace, direction * np.pi / 2
        )
    kind = str(rng.choice(list(STANDING)))
    beside = abs(street.ego_lane) + 2.7
    places = [street.side * beside, -street.side * beside, street.side * (street.kerb + 0.7),
              -street.side * (street.kerb + 0.7)]
    if kind in _SMALL:
        places.append(0.0)
    x = float(rng.choice(places))
    return Encounter(kind, identity, s, x, 0.0, float(rng.uniform(-0.4, 0.4)))


def encounters_between(seed: int, first: float, last: float, street: Street) -> list[Encounter]:
    """Return the encounters on a stretch of road, nearest first."""
    low = max(0, int((first - _FIRST) // SPACING) - 1)
    high = int((last - _FIRST) // SPACING) + 2
    met = (encounter(seed, slot, street) for slot in range(low, max(high, low)))
    return [e for e in met if e is not None and first <= e.s <= last]
