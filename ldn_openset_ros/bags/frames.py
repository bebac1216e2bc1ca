"""Frames of a bag: images, truth and recorded outputs, brought together by the header's stamp.

In two steps, so that each can be measured, and frames that are known can be skipped undecoded:
`groups` reads, `decode_group` decodes. `frames` does both.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ldn_openset_ros.bags.discovery import FrameTopics
from ldn_openset_ros.bags.faults import (
    DAMAGED_BAG,
    DUPLICATE,
    OUT_OF_ORDER,
    UNDECODABLE,
    UNMATCHED_IMAGE,
    UNMATCHED_TRUTH,
    WRONG_SIZE,
    Fault,
    Faults,
)
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.topics import COMPRESSED_IMAGE_TYPE
from ldn_openset_ros.data.folder import outlier_meaning, replace_values, values_outside
from ldn_openset_ros.errors import OpenSetError

# The conversions live with the node but import no ROS: they read the messages of rosbags too.
from ldn_openset_ros.ros.images import (
    decode_compressed,
    decode_float,
    decode_image,
    decode_map,
)
from ldn_openset_ros.taxonomy import IGNORE_INDEX

WINDOW = 30
"""Stamps that may be open at once, and stamps that are remembered after they were handed out."""


@dataclass(frozen=True)
class RawMessage:
    """A message as it was recorded. time_ns: of recording, nanoseconds. data: CDR bytes."""

    time_ns: int
    data: bytes


@dataclass(frozen=True)
class MessageGroup:
    """The undecoded messages of a frame: those of one stamp, by topic."""

    stamp_ns: int
    messages: Mapping[str, RawMessage]


@dataclass(frozen=True)
class BagFrame:
    """One frame of a bag; what the bag does not have of it is None.

    stamp_ns, frame_id: of the header of its image, or else of its recorded outputs; nanoseconds
        since the epoch.
    time_ns: of recording of that message, nanoseconds.
    rgb: uint8 (H, W, 3).
    outlier_truth: uint8 (H, W), 0 inlier, 1 outlier, 255 ignore.
    label_truth: uint8 (H, W) train ids, 255 = ignore.
    outlier_probability: float32 (H, W), as recorded from the node.
    open_set, labels: uint8 (H, W) ids, as recorded from the node.
    """

    stamp_ns: int
    frame_id: str
    time_ns: int
    rgb: np.ndarray | None = None
    outlier_truth: np.ndarray | None = None
    label_truth: np.ndarray | None = None
    outlier_probability: np.ndarray | None = None
    open_set: np.ndarray | None = None
    labels: np.ndarray | None = None


def frames(
    reader: BagReader, topics: FrameTopics, faults: Faults, with_image: bool = True
) -> Iterator[BagFrame]:
    """Yield every frame of the bag: `groups`, decoded by `decode_group`."""
    for group in groups(reader, topics, faults):
        frame = decode_group(reader, group, topics, faults, with_image)
        if frame is not None:
            yield frame


def groups(reader: BagReader, topics: FrameTopics, faults: Faults) -> Iterator[MessageGroup]:
    """Yield the messages of each frame, in the order in which their stamps first appeared.

    A frame is a stamp with an image or a recorded output. It is handed out when it holds a
    message of each topic, or incomplete when WINDOW younger stamps are open or the bag ends.
    Equal bags give equal groups and faults. What is wrong goes to `faults`:

    - unmatched_image: a frame that lacks some of the topics; it is yielded as it is. Also an
      image or output that came after its frame was handed out; that is left out.
    - unmatched_truth: truth of a stamp without image and outputs, or after its frame was handed
      out; it is left out.
    - duplicate: a second message of the same topic and stamp; the first counts. The last WINDOW
      stamps are remembered for this, so a recording of a longer loop gives its frames again.
    - out_of_order: a stamp older than the one before it on its topic; it is used. Where stamps
      jump back once, as when a bag was played in a loop, that is one fault for each topic.
    - undecodable: a message too short to hold a header; it is left out.
    - damaged_bag: the reader could not read all of the bag.

    Raises OpenSetError where all images or outputs have the stamp 0.
    """
    yield from _Grouping(reader, topics, faults).groups()


def decode_group(
    reader: BagReader,
    group: MessageGroup,
    topics: FrameTopics,
    faults: Faults,
    with_image: bool = True,
) -> BagFrame | None:
    """Return the decoded frame; None where its image cannot be decoded.

    reader: of the bag that the group is from; nothing is read from the file.
    with_image: False leaves `rgb` None and does not look at the image's pixels.

    Truth or outputs that cannot be decoded (`undecodable`), or that are not as large as the image
    (`wrong_size`), are None in the frame. Without an image the first recorded output gives the
    size.
    """
    decoder = _GroupDecoder(reader, group, faults)
    rgb = None
    if with_image and topics.image in group.messages:
        compressed = reader.topics[topics.image].type == COMPRESSED_IMAGE_TYPE
        rgb = decoder.decode(topics.image, decode_compressed if compressed else decode_image)
        if rgb is None:
            return None
    anchor = next(group.messages[topic] for topic in topics.anchors if topic in group.messages)
    return BagFrame(
        group.stamp_ns,
        _read_frame_id(anchor.data),
        anchor.time_ns,
        rgb=rgb,
        # In this order: outputs go before truth where there is no image to give the size.
        outlier_probability=decoder.decode(topics.outlier_probability, decode_float),
        open_set=decoder.decode(topics.open_set, decode_map),
        labels=decoder.decode(topics.labels, decode_map),
        outlier_truth=decoder.decode(
            topics.outlier_truth, partial(_decode_outlier, outlier_value=topics.outlier_value)
        ),
        label_truth=decoder.decode(topics.label_truth, decode_map),
    )


@dataclass
class _Grouping:
    """The state of `groups`: what is open, what was handed out, the newest stamp by topic."""

    reader: BagReader
    topics: FrameTopics
    faults: Faults
    open: dict[int, dict[str, RawMessage]] = field(default_factory=dict)
    closed: OrderedDict[int, set[str]] = field(default_factory=OrderedDict)
    newest: dict[str, int] = field(default_factory=dict)
    unstamped: int = 0

    def __post_init__(self) -> None:
        self.anchors = self.topics.anchors
        self.wanted = (*self.anchors, *self.topics.truths)

    def groups(self) -> Iterator[MessageGroup]:
        if not self.anchors:
            raise OpenSetError(
                f"{self.reader.path} has neither images nor recorded outputs: it has "
                f"{', '.join(self.reader.topics) or 'no topics'}"
            )
        for topic, time_ns, data in self.reader.raw_messages(self.wanted):
            self._add(topic, RawMessage(time_ns, data))
            while self.open:
                oldest = next(iter(self.open))
                if len(self.open[oldest]) < len(self.wanted) and len(self.open) <= WINDOW:
                    break
                yield from self._close(oldest)
        for stamp_ns in list(self.open):
            yield from self._close(stamp_ns)
        if self.reader.damage is not None:
            self.faults.add(Fault(DAMAGED_BAG, None, None, self.reader.damage))
        self._check_stamps()

    def _add(self, topic: str, message: RawMessage) -> None:
        stamp_ns = read_stamp(message.data)
        if stamp_ns is None:
            reason = f"{len(message.data)} bytes are too short for a header"
            self.faults.add(Fault(UNDECODABLE, topic, None, reason))
            return
        if stamp_ns == 0 and topic in self.anchors:
            self.unstamped += 1
        if topic in self.open.get(stamp_ns, ()) or topic in self.closed.get(stamp_ns, ()):
            reason = "its stamp came before"
            if stamp_ns == 0:
                reason = "its stamp is 0 again: its driver does not stamp, so no frame is told"
            self.faults.add(Fault(DUPLICATE, topic, stamp_ns, reason))
            return
        newest = self.newest.get(topic, stamp_ns)
        self.newest[topic] = stamp_ns
        if stamp_ns < newest:
            reason = (
                f"its stamp is older than the one before it by {(newest - stamp_ns) / 1e9:g} s"
            )
            self.faults.add(Fault(OUT_OF_ORDER, topic, stamp_ns, reason))
        if self._is_late(topic, stamp_ns):
            kind = UNMATCHED_TRUTH if topic in self.topics.truths else UNMATCHED_IMAGE
            reason = f"it came over {WINDOW} stamps after the rest of its frame"
            self.faults.add(Fault(kind, topic, stamp_ns, reason))
            self.closed[stamp_ns].add(topic)
            return
        self.open.setdefault(stamp_ns, {})[topic] = message

    def _is_late(self, topic: str, stamp_ns: int) -> bool:
        """Whether the rest was handed out; truth alone was not, so an image may follow it."""
        if stamp_ns in self.open or stamp_ns not in self.closed:
            return False
        return topic not in self.anchors or not self.closed[stamp_ns].isdisjoint(self.anchors)

    def _close(self, stamp_ns: int) -> Iterator[MessageGroup]:
        messages = self.open.pop(stamp_ns)
        self.closed.setdefault(stamp_ns, set()).update(messages)
        self.closed.move_to_end(stamp_ns)
        while len(self.closed) > WINDOW:
            self.closed.popitem(last=False)
        anchor = next((topic for topic in self.anchors if topic in messages), None)
        if anchor is None:
            reason = f"no message of this stamp on {_any_of(self.anchors)}"
            for topic in self.topics.truths:
                if topic in messages:
                    self.faults.add(Fault(UNMATCHED_TRUTH, topic, stamp_ns, reason))
            return
        missing = [topic for topic in self.wanted if topic not in messages]
        if missing:
            reason = f"no message of this stamp on {', '.join(missing)}"
            self.faults.add(Fault(UNMATCHED_IMAGE, anchor, stamp_ns, reason))
        yield MessageGroup(stamp_ns, messages)

    def _check_stamps(self) -> None:
        newest = {self.newest.get(topic, 0) for topic in self.anchors}
        if self.unstamped > len(self.anchors) and newest == {0}:
            raise OpenSetError(
                f"{self.reader.path}: every message on {_any_of(self.anchors)} has the stamp 0, "
                "so frames cannot be told apart: record with a camera driver that stamps its "
                "images"
            )


@dataclass
class _GroupDecoder:
    """Decode the messages of a group; the first decoded one says how large the others must be."""

    reader: BagReader
    group: MessageGroup
    faults: Faults
    size: tuple[int, int] | None = None

    def decode(self, topic: str | None, decode: Callable[[Any], np.ndarray]) -> np.ndarray | None:
        if topic not in self.group.messages:
            return None
        data = self.group.messages[topic].data
        try:
            pixels = decode(self.reader.deserialize(topic, data))
        except OpenSetError as error:
            self.faults.add(Fault(UNDECODABLE, topic, self.group.stamp_ns, str(error)))
            return None
        size = pixels.shape[:2]
        if self.size is None:
            self.size = size
        elif size != self.size:
            reason = f"{_by(size)} pixels for a frame of {_by(self.size)}"
            self.faults.add(Fault(WRONG_SIZE, topic, self.group.stamp_ns, reason))
            return None
        return pixels


def _byte_order(data: bytes) -> str:
    """Return the byte order of a CDR message: the second byte of four of encapsulation is odd
    for little endian (OMG DDSI-RTPS 2.5, section 10).
    """
    return "<" if data[1] & 1 else ">"


def read_stamp(data: bytes) -> int | None:
    """Return the stamp of a CDR message that begins with a header, in nanoseconds."""
    if len(data) < 12:
        return None
    seconds, nanoseconds = struct.unpack_from(_byte_order(data) + "iI", data, 4)
    return seconds * 1_000_000_000 + nanoseconds


def _read_frame_id(data: bytes) -> str:
    """Return the frame of a CDR message that begins with a header, empty where it is damaged."""
    if len(data) < 16:
        return ""
    (length,) = struct.unpack_from(_byte_order(data) + "I", data, 12)
    return data[16 : 16 + length].rstrip(b"\0").decode(errors="replace")


def _decode_outlier(message: Any, outlier_value: int | None) -> np.ndarray:
    outlier, meaning = decode_map(message), outlier_meaning(outlier_value)
    unknown = values_outside(outlier, meaning)
    if unknown:
        words = {0: "inlier", 1: "outlier", IGNORE_INDEX: "ignore"}
        allowed = [f"{value} {words[meaning[value]]}" for value in sorted(meaning)]
        raise OpenSetError(
            f"outlier truth holds the value {unknown[0]}: allowed are {', '.join(allowed[:-1])} "
            f"and {allowed[-1]}"
        )
    return replace_values(outlier, meaning)


def _any_of(topics: Collection[str]) -> str:
    return " or ".join(topics)


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
