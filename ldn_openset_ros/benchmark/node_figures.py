"""What a comparison of the node with the Predictor alone comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ldn_openset_ros.benchmark.timings import Timing


@dataclass(frozen=True)
class NodeFigures:
    """The node end to end beside the Predictor alone, on the same frames in one run.

    end_to_end: from before a camera publishes a frame to the arrival of the last of all image
    outputs at a subscriber, both in a process beside the node's. node: stages within the node.
    """

    width: int
    height: int
    frames: int
    predictor: Mapping[str, Timing]
    node: Mapping[str, Timing]
    end_to_end: Timing

    @property
    def ratio(self) -> float:
        """End to end over the Predictor alone, of the medians."""
        return round(self.end_to_end.p50_ms / self.predictor["total"].p50_ms, 3)

    @property
    def overhead_ms(self) -> float:
        """What the node adds to the Predictor, of the medians."""
        return round(self.end_to_end.p50_ms - self.predictor["total"].p50_ms, 2)
