"""Cross-section of a street: widths, markings and materials that hold for a whole drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Street:
    """Measures in metres from the centre line, the same to both sides.

    side: -1 where traffic keeps to the left, +1 to the right.
    lane: width of each of the two lanes; parking: whether a strip for parked cars follows.
    kerb: where the road ends; front: where the pavement ends; facade: where buildings begin.
    green: gardens and grass instead of paving between pavement and buildings.
    """

    side: int
    lane: float
    parking: bool
    kerb: float
    front: float
    facade: float
    green: bool
    slab: float
    asphalt: float
    asphalt_tint: tuple[float, float, float]
    centre_dash: tuple[float, float]
    centre_width: float
    yellow_lines: tuple[float, ...]
    edge_lines: tuple[float, ...]
    crossing_period: float
    crossing_start: float

    @property
    def ego_lane(self) -> float:
        """Centre of the lane that the camera drives in."""
        return self.side * self.lane / 2


PARKING_WIDTH = 2.1


def draw_street(rng: np.random.Generator) -> Street:
    """Draw the cross-section of a street; four in five keep to the left, as in Cambridge."""
    side = -1 if rng.random() < 0.8 else 1
    lane = float(rng.uniform(3.0, 3.7))
    parking = bool(rng.random() < 0.5)
    kerb = lane + (PARKING_WIDTH if parking else 0.3)
    front = kerb + float(rng.uniform(1.9, 3.4))
    green = bool(rng.random() < 0.45)
    facade = front + float(rng.uniform(2.0, 4.5) if green else rng.uniform(0.0, 0.6))
    doubled = bool(rng.random() < 0.5) and not parking
    inset = (0.3, 0.48) if doubled else ()
    edges = bool(rng.random() < 0.3) and not parking and not doubled
    return Street(
        side=side,
        lane=lane,
        parking=parking,
        kerb=kerb,
        front=front,
        facade=facade,
        green=green,
        slab=float(rng.choice((0.0, 0.45, 0.6, 0.9))),
        asphalt=float(rng.uniform(74, 112)),
        asphalt_tint=tuple(np.array((1.0, 1.0, 1.0)) + rng.uniform(-0.03, 0.03, 3)),
        centre_dash=((6.0, 4.0), (6.0, 2.0), (9.0, 3.0))[int(rng.integers(3))],
        centre_width=float(rng.uniform(0.1, 0.15)),
        yellow_lines=tuple(s * (kerb - i) for i in inset for s in (-1, 1)),
        edge_lines=tuple(s * (kerb - 0.35) for s in (-1, 1)) if edges else (),
        crossing_period=float(rng.uniform(150, 260)) if rng.random() < 0.6 else 0.0,
        crossing_start=float(rng.uniform(20, 140)),
    )
