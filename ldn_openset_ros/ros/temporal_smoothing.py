"""Exponential smoothing of a camera's outlier probability over its frames. No ROS here."""

from __future__ import annotations

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.continuity import Continuity


class TemporalSmoothing:
    """Mix every frame's map with the smoothed one before it; one object a camera.

    Probabilities are averaged rather than log-odds: no saturated pixel then holds on for many
    frames, a threshold keeps its meaning, and a frame costs two passes over memory.
    """

    def __init__(self, weight: float = 0.0) -> None:
        """`weight`: share of the past in [0, 1), 0 = off.

        Raises OpenSetError for another weight.
        """
        if not 0 <= weight < 1:
            raise OpenSetError(
                f"temporal smoothing of weight {weight} would never take in a new frame: give 0 "
                "(off) or a value below 1"
            )
        self._weight = np.float32(weight)
        self._continuity = Continuity()
        self._past: np.ndarray | None = None

    def update(self, probability: np.ndarray, stamp_ns: int) -> np.ndarray:
        """Return the smoothed map, float32 (H, W); copy it before you write to it.

        probability: float32 (H, W) in [0, 1]; with weight 0 it is returned as it is. A pixel that
        is no finite number keeps its past value, so it spreads neither in space nor in time. The
        past is forgotten as `Continuity` has it: after a jump in time or with another size.
        """
        if not self._weight:
            return probability
        goes_on = self._continuity.goes_on(stamp_ns, probability.shape)
        self._past = self._mix(probability) if goes_on else probability.copy()
        return self._past

    def _mix(self, probability: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # infinity, seen to below
            mixed = probability + self._weight * (self._past - probability)
        bad = ~np.isfinite(mixed)
        if bad.any():
            new = probability[bad]
            mixed[bad] = np.where(np.isfinite(new), new, self._past[bad])
        return mixed
