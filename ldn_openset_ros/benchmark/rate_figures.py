"""What the node makes of a stream of frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RateFigures:
    """Frames at a fixed rate.

    sent: by the camera. received, processed, replaced (by a newer one): as the node counts.
    answered: frames of which all image outputs came to a subscriber.
    """

    width: int
    height: int
    hz: float
    sent: int
    received: int
    processed: int
    replaced: int
    answered: int

    @property
    def lost(self) -> int:
        """Frames without all of their outputs."""
        return self.sent - self.answered


@dataclass(frozen=True)
class CameraFigures:
    """Frames a second that the node answers, by camera, where each always has one waiting."""

    width: int
    height: int
    rates_hz: dict[str, float]

    @property
    def total_hz(self) -> float:
        """Frames a second of all cameras together."""
        return round(sum(self.rates_hz.values()), 2)
