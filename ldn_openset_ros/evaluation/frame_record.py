"""What is kept of every frame: a line of `frames.jsonl`, and its times in `timing.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.settings import FROZEN


@dataclass(frozen=True)
class FrameRecord:
    """A frame's counts of pixels at the decision; None where truth or decision are missing.

    frame: its name, or its stamp in seconds. source: the bag's name, or the data set's. stamp_ns:
    of its header, nanoseconds; None in a data set. outlier_share: share of the pixels called
    outlier. outliers, inliers: by truth. missed: outliers not called so. false_alarms: inliers
    called outlier.
    """

    __pydantic_config__ = FROZEN
    frame: str
    source: str
    stamp_ns: int | None
    width: int
    height: int
    outlier_share: float | None
    outliers: int | None
    inliers: int | None
    missed: int | None
    false_alarms: int | None


@dataclass(frozen=True)
class FrameTimes:
    """Seconds that a frame took, by stage."""

    __pydantic_config__ = FROZEN
    frame: str
    source: str
    seconds: dict[str, float]
