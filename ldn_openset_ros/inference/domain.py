"""What ordinary frames look like to a model, so that others can be told from them."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.score_names import check_score, check_threshold
from ldn_openset_ros.settings import FROZEN

FIGURES = ("outlier_share", "confidence")
"""What `Predictor.frame_figures` sums a frame up by; `confidence` needs classes."""


@dataclass(frozen=True)
class Domain:
    """Between which values the figures of ordinary frames lie (`evaluation.domain`).

    The figures are those of `Predictor.frame_figures`.
    """

    ranges: dict[str, tuple[float, float]]
    """By figure: the lowest and the highest value of ordinary frames."""
    fusion: str
    """The score and the threshold that the share of outliers was counted with."""
    threshold: float
    data: str
    """The ordinary frames, for people."""
    resolution: int
    """Shorter side in pixels of the network's input, 0 = as pictures came."""
    frames: int

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        check_score(self.fusion)
        check_threshold(self.threshold)
        unknown = self.ranges.keys() - FIGURES
        if unknown:
            raise OpenSetError(
                f"domain has ranges of {', '.join(sorted(unknown))}: known are "
                f"{', '.join(FIGURES)}"
            )
        for name, (low, high) in self.ranges.items():
            if not 0 <= low <= high <= 1:
                raise OpenSetError(f"range of {name} is {low} to {high}: give two shares in order")
