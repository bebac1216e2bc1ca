"""What calibration leaves in a model's description: one score's temperature and threshold.

The published probability of a score is sigmoid(log-odds / temperature), with temperature 1 for
scores without calibration. Thresholds are always of the published probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.score_names import check_score, check_threshold
from ldn_openset_ros.settings import FROZEN

CALIBRATED = "calibrated"
"""In place of a threshold: the one of the score's calibration."""


@dataclass(frozen=True)
class WantedRate:
    """What a threshold is chosen for: outliers found, or inliers called outliers, from 0 to 1."""

    kind: Literal["true_positive_rate", "false_positive_rate"]
    value: float

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        _check_share(self.kind, self.value)


@dataclass(frozen=True)
class Calibration:
    """Temperature and threshold of one score, and how they came about (`evaluation.calibration`).

    All but the score, the temperature and the threshold only tells people what to expect.
    """

    score: str
    temperature: float
    """Divides the score's log-odds; above 0."""
    threshold: float
    """In [0, 1], of the probability with the temperature."""
    wanted: WantedRate
    true_positive_rate: float
    """Reached on the data: share of the outlier pixels that the threshold finds."""
    false_positive_rate: float
    """Reached on the data: share of the inlier pixels that it calls outliers."""
    ece_before: float
    """Expected calibration error without the temperature (`metrics.calibration`)."""
    ece_after: float
    """Expected calibration error with it."""
    data: str
    """The validation data, for people."""
    resolution: int
    """Shorter side in pixels of the network's input, 0 = as pictures came."""
    frames: int
    pixels: int
    """Inlier and outlier pixels."""

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        check_score(self.score)
        if not 0 < self.temperature < math.inf:
            raise OpenSetError(f"temperature is {self.temperature}: give a value above 0")
        check_threshold(self.threshold)
        for name in ("true_positive_rate", "false_positive_rate", "ece_before", "ece_after"):
            _check_share(name, getattr(self, name))


def temperature_of(calibration: Calibration | None, score: str) -> float:
    """Return the temperature of a score; 1 where the calibration is of another one or None."""
    if calibration is None or calibration.score != score:
        return 1.0
    return calibration.temperature


def resolve_threshold(
    threshold: float | Literal["calibrated"],
    score: str,
    calibration: Calibration | None,
    model: str,
) -> float:
    """Return the number in [0, 1] that a threshold for `score` stands for.

    model: its name, for errors. Raises OpenSetError for a value that is no threshold, and for
    "calibrated" where the calibration is of another score or None.
    """
    if threshold != CALIBRATED:
        if isinstance(threshold, str):
            raise OpenSetError(
                f"threshold is {threshold!r}: give a value from 0 to 1 or calibrated"
            )
        return check_threshold(float(threshold))
    if calibration is None or calibration.score != score:
        other = "" if calibration is None else f", only of {calibration.score}"
        raise OpenSetError(
            f"threshold is calibrated but model {model} has no calibration of {score}{other}: "
            f"run `ldn-openset calibrate MODEL --score {score} ...` or give a number"
        )
    return calibration.threshold


def tempered(probability: float, temperature: float) -> float:
    """Return sigmoid(log-odds / temperature) of a probability in [0, 1]; 0 and 1 stay."""
    if not 0 < probability < 1:
        return probability
    log_odds = math.log(probability) - math.log1p(-probability)
    return 0.5 + 0.5 * math.tanh(log_odds / temperature / 2)  # the sigmoid, without overflow


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise OpenSetError(f"{name} is {value}: give a value from 0 to 1")
