"""Frames of a bag with their truth, paired by the stamps in the headers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.topics import (
    COMPRESSED_IMAGE_TOPIC,
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TOPIC,
    IMAGE_TYPE,
    LABELS_TOPIC,
    OUTLIER_TOPIC,
)
from ldn_openset_ros.data.folder import OUTLIER_TRUTH, values_outside
from ldn_openset_ros.errors import OpenSetError

# The conversions live with the node but import no ROS: they read the messages of rosbags too.
from ldn_openset_ros.ros.images import decode_compressed, decode_image, decode_map

WINDOW = 30
"""How many stamps may be open at once: more would hold too many frames in memory."""


@dataclass(frozen=True)
class BagFrame:
    """One frame of a bag and its truth.

    stamp_ns, frame_id: of the image's header; nanoseconds since the epoch.
    rgb: uint8 (H, W, 3).
    outlier: uint8 (H, W), 0 inlier, 1 outlier, 255 ignore; None where the bag has none.
    labels: uint8 (H, W) train ids, 255 = ignore; None where the bag has none.
    """

    stamp_ns: int
    frame_id: str
    rgb: np.ndarray
    outlier: np.ndarray | None
    labels: np.ndarray | None


def frames(
    reader: BagReader,
    image_topic: str | None = None,
    outlier_topic: str = OUTLIER_TOPIC,
    labels_topic: str = LABELS_TOPIC,
) -> Iterator[BagFrame]:
    """Yield every image of the bag with the truth of the same stamp, in the order of recording.

    image_topic: raw or compressed images; None takes `/camera/image_raw`, raw before compressed.
    Truth without an image is passed over. Raises OpenSetError for a missing image topic and for
    images and truth that cannot be decoded or contradict each other.
    """
    image_topic = image_topic or _default_image_topic(reader)
    decode = _image_decoder(reader, image_topic)
    truth_topics = [topic for topic in (outlier_topic, labels_topic) if topic in reader.topics]
    for stamp_ns, group in groups_by_stamp(reader, [image_topic, *truth_topics]):
        if image_topic not in group:
            continue
        frame = BagFrame(
            stamp_ns,
            group[image_topic].header.frame_id,
            rgb=_decode(reader, group, image_topic, decode),
            outlier=_decode(reader, group, outlier_topic, _decode_outlier),
            labels=_decode(reader, group, labels_topic, decode_map),
        )
        _check_sizes(reader, frame)
        yield frame


def groups_by_stamp(
    reader: BagReader, topics: Collection[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (stamp in nanoseconds, messages by topic) for each stamp in the headers.

    A group is handed out when it holds a message of each topic, or incomplete when WINDOW younger
    stamps have come or the bag ends; in the order in which the stamps first appeared.
    """
    pending: dict[int, dict[str, Any]] = {}
    for topic, _, message in reader.messages(topics):
        stamp_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        pending.setdefault(stamp_ns, {})[topic] = message
        while pending:
            oldest = next(iter(pending))
            if len(pending[oldest]) < len(topics) and len(pending) <= WINDOW:
                break
            yield oldest, pending.pop(oldest)
    yield from pending.items()


def _default_image_topic(reader: BagReader) -> str:
    for topic in (IMAGE_TOPIC, COMPRESSED_IMAGE_TOPIC):
        if topic in reader.topics:
            return topic
    raise OpenSetError(
        f"{reader.path} has no topic {IMAGE_TOPIC}: name its image topic, one of "
        f"{', '.join(reader.topics) or 'none'}"
    )


def _image_decoder(reader: BagReader, topic: str) -> Callable[[Any], np.ndarray]:
    decoders = {IMAGE_TYPE: decode_image, COMPRESSED_IMAGE_TYPE: decode_compressed}
    if topic not in reader.topics:
        raise OpenSetError(
            f"{reader.path} has no topic {topic}: it has {', '.join(reader.topics) or 'none'}"
        )
    kind = reader.topics[topic].type
    if kind not in decoders:
        raise OpenSetError(f"{reader.path}: {topic} is a {kind}: give {' or '.join(decoders)}")
    return decoders[kind]


def _decode(
    reader: BagReader,
    group: dict[str, Any],
    topic: str,
    decode: Callable[[Any], np.ndarray],
) -> np.ndarray | None:
    if topic not in group:
        return None
    message = group[topic]
    try:
        return decode(message)
    except OpenSetError as error:
        stamp = message.header.stamp
        raise OpenSetError(
            f"{reader.path}, {topic}, stamp {stamp.sec}.{stamp.nanosec:09d}: {error}"
        ) from None


def _decode_outlier(message: Any) -> np.ndarray:
    outlier = decode_map(message)
    unknown = values_outside(outlier, OUTLIER_TRUTH)
    if unknown:
        raise OpenSetError(
            f"outlier truth holds the value {unknown[0]}: allowed are 0 inlier, 1 outlier and "
            "255 ignore"
        )
    return outlier


def _check_sizes(reader: BagReader, frame: BagFrame) -> None:
    for truth in (frame.outlier, frame.labels):
        if truth is not None and truth.shape != frame.rgb.shape[:2]:
            raise OpenSetError(
                f"{reader.path}, stamp {frame.stamp_ns} ns: truth of {truth.shape[1]}x"
                f"{truth.shape[0]} for an image of {frame.rgb.shape[1]}x{frame.rgb.shape[0]}: "
                "write truth in the image's size"
            )
