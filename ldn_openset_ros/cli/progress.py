"""A bar over the frames of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ldn_openset_ros.bags.faults import Faults
    from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
    from ldn_openset_ros.evaluation.run import OpenFrames


def with_bar(open_frames: OpenFrames, what: str, total: int) -> OpenFrames:
    """Return a source of `total` frames that shows how far it is."""
    from tqdm import tqdm

    def frames(start: int, faults: Faults) -> Iterator[JudgedFrame | None]:
        found = open_frames(start, faults)
        return iter(tqdm(found, desc=what, total=total, initial=start, unit="frame"))

    return frames
