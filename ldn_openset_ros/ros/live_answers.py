"""Which images a live node answered, and after what time. No ROS here."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection

OPEN_STAMPS = 16
"""Stamps whose outputs may be incomplete at once; of older ones, some were lost on the way."""


class Answers:
    """Bring the outputs of each image together as they arrive, in bounded memory.

    Times of arrival are nanoseconds of any one clock. counts: by stamp, how often all outputs of
    it came; more than once where stamps repeat.
    """

    def __init__(self, outputs: Collection[str]) -> None:
        """Take the topics of the outputs that make an answer."""
        self.counts: Counter[int] = Counter()
        self._outputs = frozenset(outputs)
        self._arrivals: dict[int, int] = {}
        self._answered: dict[int, int] = {}
        self._open: OrderedDict[int, dict[str, tuple[bytes, int]]] = OrderedDict()

    @property
    def heard(self) -> frozenset[int]:
        """Stamps of all images that certainly were played: they came, or their answer did."""
        return frozenset(self._arrivals.keys() | self.counts.keys())

    @property
    def latencies(self) -> dict[int, float]:
        """By stamp, seconds from the arrival of its image to that of the last of its outputs.

        Both at this subscriber; without those whose image was lost on the way here.
        """
        return {
            stamp_ns: (answered - self._arrivals[stamp_ns]) / 1e9
            for stamp_ns, answered in self._answered.items()
            if stamp_ns in self._arrivals
        }

    def add_image(self, stamp_ns: int, arrival_ns: int) -> None:
        """Note the arrival of an image; it may become known after that of its outputs."""
        self._arrivals.setdefault(stamp_ns, arrival_ns)

    def add_output(
        self, topic: str, stamp_ns: int, data: bytes, arrival_ns: int
    ) -> dict[str, bytes] | None:
        """Take an output; return all of its stamp by topic if that completes the first answer."""
        outputs = self._open.setdefault(stamp_ns, {})
        outputs[topic] = data, arrival_ns
        if outputs.keys() != self._outputs:
            while len(self._open) > OPEN_STAMPS:
                self._open.popitem(last=False)
            return None
        del self._open[stamp_ns]
        self.counts[stamp_ns] += 1
        if self.counts[stamp_ns] > 1:
            return None
        self._answered[stamp_ns] = max(arrival for _, arrival in outputs.values())
        return {topic: data for topic, (data, _) in outputs.items()}
