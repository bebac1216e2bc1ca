"""A bag of frames together with what was made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ldn_openset_ros.bags.discovery import FrameTopics
from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.topics import (
    NODE_LABELS_TOPIC,
    NODE_OPEN_SET_TOPIC,
    NODE_OUTLIER_PROBABILITY_TOPIC,
)
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.run import OpenFrames

NODE_TOPICS = (NODE_LABELS_TOPIC, NODE_OUTLIER_PROBABILITY_TOPIC, NODE_OPEN_SET_TOPIC)


class OutputBag:
    """Write outputs as frames go by, at last input and truth as they are; a context manager.

    Nothing is left where the block ends in an error. Raises OpenSetError for a path that exists,
    for input on a topic of the outputs, and where the disk refuses.
    """

    def __init__(self, path: Path, reader: BagReader, topics: FrameTopics, legend: dict) -> None:
        """Take the bag that is evaluated, its topics and the legend of the outputs."""
        self._writer = BagWriter(path)
        self._reader = reader
        self._copied = [topic for topic in (topics.image, *topics.truths) if topic]
        for topic in self._copied:
            if topic in NODE_TOPICS:
                raise OpenSetError(
                    f"{topic} of {reader.path} cannot be copied to {path}, which has the outputs "
                    "there: leave --output-bag out"
                )
        self._legend = legend

    def written(self, open_frames: OpenFrames) -> OpenFrames:
        """Return the same frames, each of which is written as it goes by."""

        def frames(start: int, faults: Faults) -> Iterator[JudgedFrame | None]:
            for frame in open_frames(start, faults):
                if frame is not None:
                    maps = frame.prediction
                    self._writer.write_outputs(
                        frame.stamp_ns,
                        frame.frame_id,
                        maps.labels,
                        maps.outlier,
                        maps.open_set,
                        frame.time_ns,
                    )
                yield frame

        return frames

    def __enter__(self) -> OutputBag:
        """Create the bag, and write the legend into it."""
        self._writer.__enter__()
        if self._legend:
            self._writer.write_legend(json.dumps(self._legend), self._reader.start_ns)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Copy the input and move the bag to its place; after an error, remove it."""
        try:
            if kind is None:
                for topic, time_ns, data in self._reader.raw_messages(self._copied):
                    self._writer.copy(self._reader, topic, time_ns, data)
        except BaseException as problem:
            self._writer.__exit__(type(problem), problem, problem.__traceback__)
            raise
        self._writer.__exit__(kind, error, trace)
