"""What is wrong with a recording: counted and named, never fatal and never silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

UNMATCHED_IMAGE = "unmatched_image"
UNMATCHED_TRUTH = "unmatched_truth"
DUPLICATE = "duplicate"
OUT_OF_ORDER = "out_of_order"
UNDECODABLE = "undecodable"
WRONG_SIZE = "wrong_size"
DAMAGED_BAG = "damaged_bag"
UNUSABLE_BAG = "unusable_bag"
"""One of several bags of which nothing could be measured."""
NOT_ANSWERED = "not_answered"
"""An image that was played to a live node and of which not all outputs came."""

KINDS = (
    UNMATCHED_IMAGE,
    UNMATCHED_TRUTH,
    DUPLICATE,
    OUT_OF_ORDER,
    UNDECODABLE,
    WRONG_SIZE,
    DAMAGED_BAG,
    UNUSABLE_BAG,
    NOT_ANSWERED,
)
"""Kinds of faults that reading a recording may give."""


@dataclass(frozen=True)
class Fault:
    """One fault of a recording.

    kind: one of KINDS, or an evaluation's. topic: where it is; None = the bag as a whole.
    stamp_ns: of the message's header, nanoseconds; None where there is none. reason: one line for
    people.
    """

    kind: str
    topic: str | None
    stamp_ns: int | None
    reason: str


class Faults:
    """Count faults by kind and hand each of them on.

    counts: faults so far, by kind. first: the first of each kind, but for those that were counted
    before an interruption. muted: while set, faults are neither counted nor handed on: for what
    was counted before an interruption and is read again.
    """

    def __init__(self, each: Callable[[Fault], None] | None = None) -> None:
        """Take what is called with each fault as it is found; None = they are counted only."""
        self.counts: Counter[str] = Counter()
        self.first: dict[str, Fault] = {}
        self.muted = False
        self._each = each

    def add(self, fault: Fault) -> None:
        """Count a fault and hand it on."""
        if self.muted:
            return
        self.counts[fault.kind] += 1
        self.first.setdefault(fault.kind, fault)
        if self._each is not None:
            self._each(fault)

    def told(self) -> str:
        """Return how many of each kind there are, and what the first of each is, on one line."""
        parts = []
        for kind, count in sorted(self.counts.items()):
            first = self.first.get(kind)
            reason = "" if first is None else f" ({_first(first)})"
            parts.append(f"{kind}: {count}{reason}")
        return "; ".join(parts)


def _first(fault: Fault) -> str:
    return fault.reason if fault.topic is None else f"{fault.topic}: {fault.reason}"
