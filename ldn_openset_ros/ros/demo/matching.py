"""Bring messages of one frame together by their stamp, in bounded memory. No ROS here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

INPUT_BYTES = 512 * 2**20
"""Images and truth that wait for the node's answer take no more memory than this."""
OPEN_OUTPUTS = 16
"""Stamps whose outputs may be incomplete at once."""


@dataclass
class _Input:
    messages: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    number: int = 0
    """Count of images up to this one; 0 = the image has not come yet."""
    repeated: bool = False
    """The image came again before it was answered."""


class FrameMatcher:
    """Match images, their truth, and the outputs that a node made of them.

    The node answers images in their order and may skip some. Stamps may come again: a bag that is
    played in a loop has the same frames in every round.

    images: count since the start of the measurement, which is the image of the first complete
        frame. complete: frames of which the image and all outputs came. unmatched: stamps since
        the start of which only outputs, or not all of them, came.
    """

    def __init__(
        self, image: str, outputs: Collection[str], input_bytes: int = INPUT_BYTES
    ) -> None:
        """Take the image's topic and those of the outputs that make a frame complete."""
        self.images = self.complete = self.unmatched = 0
        self._image = image
        self._needed = set(outputs)
        self._input_bytes = input_bytes
        self._held_bytes = 0
        self._last_image = self._last_answered = self._before_start = 0
        self._inputs: OrderedDict[int, _Input] = OrderedDict()
        self._outputs: OrderedDict[int, dict[str, Any]] = OrderedDict()

    @property
    def awaiting(self) -> bool:
        """Whether the newest image has not been answered."""
        return self._last_answered < self._last_image

    def add_input(self, topic: str, stamp: int, message: Any, size: int) -> None:
        """Keep an image or truth of `size` bytes until the node has answered or passed over it."""
        entry = self._inputs.setdefault(stamp, _Input())
        self._held_bytes += size - entry.sizes.get(topic, 0)
        entry.messages[topic], entry.sizes[topic] = message, size
        if topic == self._image:
            self._last_image += 1
            entry.repeated = entry.number > self._last_answered
            entry.number = self._last_image
            self._inputs.move_to_end(stamp)
            self._count_images()
        while self._held_bytes > self._input_bytes and len(self._inputs) > 1:
            self._drop_oldest_input()

    def add_output(self, topic: str, stamp: int, message: Any) -> dict[str, Any] | None:
        """Take an output; return all messages of its frame, by topic, if that completes it."""
        outputs = self._outputs.setdefault(stamp, {})
        outputs[topic] = message
        if self._needed <= outputs.keys():
            # What began earlier and is incomplete stays so: outputs come in order.
            while next(iter(self._outputs)) != stamp:
                self._drop_oldest_outputs()
            return self._complete(stamp, self._outputs.pop(stamp))
        if len(self._outputs) > OPEN_OUTPUTS:
            self._drop_oldest_outputs()
        return None

    def _complete(self, stamp: int, outputs: dict[str, Any]) -> dict[str, Any] | None:
        entry = self._inputs.get(stamp)
        if entry is None or not entry.number:
            self.unmatched += bool(self.complete)
            return None
        # An answer to an image that came twice may be that to the first: then nothing is passed.
        while not entry.repeated and next(iter(self._inputs)) != stamp:
            self._drop_oldest_input()
        entry.repeated = False
        if not self.complete:
            self._before_start = entry.number - 1
        self.complete += 1
        self._last_answered = max(self._last_answered, entry.number)
        self._count_images()
        return {**entry.messages, **outputs}

    def _count_images(self) -> None:
        if self.complete:
            self.images = self._last_image - self._before_start

    def _drop_oldest_input(self) -> None:
        _, entry = self._inputs.popitem(last=False)
        self._held_bytes -= sum(entry.sizes.values())

    def _drop_oldest_outputs(self) -> None:
        self._outputs.popitem(last=False)
        self.unmatched += bool(self.complete)
