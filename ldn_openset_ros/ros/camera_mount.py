"""Where a camera sits on its vehicle, and points in the vehicle's frame. No ROS here."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ldn_openset_ros.errors import OpenSetError

# Axes of an optical frame (x right, y down, z forward) in a body frame (x forward, y left, z up).
_BODY_FROM_OPTICAL = np.float64([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])


@dataclass(frozen=True)
class CameraMount:
    """Pose of a camera in `base_link`, whose origin lies on flat ground (REP-103).

    height: of the optical centre above the ground, metres.
    pitch, roll, yaw: radians, as in URDF: turned by roll about x, then pitch about y, then yaw
    about z of `base_link`. A positive pitch looks down, a positive yaw to the left; a positive
    roll raises the left side.
    x, y: metres ahead and to the left of the origin of `base_link`, which by default is the ground
    below the camera.

    Raises OpenSetError where a value is out of its range.
    """

    height: float
    pitch: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not math.isfinite(getattr(self, field.name)):
                raise OpenSetError(f"camera mount: {field.name} must be a finite number")
        if self.height <= 0:
            raise OpenSetError(
                f"camera mount: height is {self.height:g} m: give the metres above the ground"
            )
        if abs(self.pitch) >= math.pi / 2:
            raise OpenSetError(
                f"camera mount: pitch is {self.pitch:g}: give radians between -pi/2 and pi/2, "
                "positive where the camera looks down"
            )

    @property
    def rotation(self) -> np.ndarray:
        """The rotation from the optical frame into `base_link`, float64 (3, 3)."""
        (sr, cr), (sp, cp), (sy, cy) = (
            (math.sin(angle), math.cos(angle)) for angle in (self.roll, self.pitch, self.yaw)
        )
        roll = np.float64([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
        pitch = np.float64([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
        yaw = np.float64([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        return yaw @ pitch @ roll @ _BODY_FROM_OPTICAL

    def to_base_link(self, points: np.ndarray) -> np.ndarray:
        """Return points (N, 3) of the camera's optical frame in `base_link`, float32 (N, 3)."""
        moved = points @ self.rotation.T + (self.x, self.y, self.height)
        return moved.astype(np.float32)
