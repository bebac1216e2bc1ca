"""Find the topics of a bag that an evaluation reads: by type and name, or as given."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ldn_openset_ros.bags.reader import BagReader, BagTopic
from ldn_openset_ros.bags.topics import (
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TOPIC,
    IMAGE_TYPE,
    LABELS_TOPIC,
    OUTLIER_TOPIC,
    STRING_TYPE,
)
from ldn_openset_ros.errors import OpenSetError, one_line

IMAGE_TYPES = (IMAGE_TYPE, COMPRESSED_IMAGE_TYPE)
OUTPUT_SUFFIXES = {
    "outlier_probability": "/outlier_probability",
    "open_set": "/open_set",
    "labels": "/labels",
}
"""How the names of the node's recorded outputs end, whatever its name and namespace."""
TRUTH_SUFFIXES = {"outlier_truth": OUTLIER_TOPIC, "label_truth": LABELS_TOPIC}
OPTIONS = {
    "image": "--image",
    "outlier_truth": "--outlier-truth",
    "label_truth": "--label-truth",
    "outlier_probability": "--outliers",
    "open_set": "--open-set",
    "labels": "--labels",
}
"""The command line's option for each topic that can be given."""

_OVERLAY_SUFFIX = "/overlay"
_COMPRESSED, _UNDECODED = "compressed", ("compressedDepth", "zstd", "theora", "ffmpeg")
"""Transports of image_transport that publish CompressedImage: decoded here, and not."""


@dataclass(frozen=True)
class FrameTopics:
    """Names of the topics that hold a frame; None where the bag has none.

    image: raw or compressed camera images.
    outlier_truth: mono8 Image, 0 inlier, 1 outlier, 255 ignore.
    label_truth: mono8 Image, train ids, 255 ignore.
    outlier_probability, open_set, labels: the node's recorded outputs, 32FC1 and mono8 Images.
    legend: std_msgs/String with JSON, what the ids of the recorded outputs mean.
    outlier_value: no topic, but what stands for outliers in `outlier_truth`; None = 1.
    """

    image: str | None = None
    outlier_truth: str | None = None
    label_truth: str | None = None
    outlier_probability: str | None = None
    open_set: str | None = None
    labels: str | None = None
    legend: str | None = None
    outlier_value: int | None = None

    @property
    def truths(self) -> tuple[str, ...]:
        """Return the topics of truth that there are."""
        return _present(self.outlier_truth, self.label_truth)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Return the topics of recorded outputs that there are, without the legend."""
        return _present(self.outlier_probability, self.open_set, self.labels)

    @property
    def anchors(self) -> tuple[str, ...]:
        """Return the topics that make a stamp a frame; the first that it has stands for it."""
        return (*_present(self.image), *self.outputs)


def find_topics(reader: BagReader, outputs: bool = True, **given: str | None) -> FrameTopics:
    """Return the topics of a bag's frames.

    outputs: look for recorded outputs too; without, only those that are given are returned.
    given: names by field of FrameTopics (not `legend`), for those that are not to be looked for;
        None looks for it.

    The image topic is chosen as by `choose_image_topic`. Truth is a topic `/ground_truth/outlier`
    or `/ground_truth/labels`, outputs are topics `.../outlier_probability`, `.../open_set` and
    `.../labels`, in any namespace; the legend lies beside the outputs. Raises OpenSetError where
    several topics fit, and where a given topic is absent or of another type.
    """
    unknown = given.keys() - OPTIONS.keys()
    if unknown:
        raise TypeError(f"no topics of frames: {', '.join(sorted(unknown))}")
    found = {field: name for field, name in given.items() if name is not None}
    for field, name in found.items():
        _check_given(reader, field, name)
    suffixes = {**TRUTH_SUFFIXES, **(OUTPUT_SUFFIXES if outputs else {})}
    for field, suffix in suffixes.items():
        if field not in found:
            name = _find_by_suffix(reader, field, suffix, taken=set(found.values()))
            if name is not None:
                found[field] = name
    if "image" not in found:
        remedy = f"choose one with {OPTIONS['image']}"
        taken = set(found.values())
        image = choose_image_topic(reader.path, reader.topics, remedy, taken)
        if image is not None:
            found["image"] = image
    topics = FrameTopics(**found)
    return FrameTopics(**found, legend=_find_legend(reader, topics.outputs))


def choose_image_topic(
    path: Path, topics: Mapping[str, BagTopic], remedy: str, taken: Collection[str] = ()
) -> str | None:
    """Return a bag's camera topic: the usual one, or else its only one of images.

    What image_transport publishes below a topic (`image_raw/compressed`) is the same camera; of
    it raw goes before compressed, and other transports, which are not decoded here, are left out.
    Truth and the node's outputs are no camera, nor is what is `taken`, and topics without messages
    only count where no other is left. None where the bag has no images; several cameras are an
    OpenSetError that ends in `remedy`.
    """
    made = (*TRUTH_SUFFIXES.values(), *OUTPUT_SUFFIXES.values(), _OVERLAY_SUFFIX)
    images = []
    for name, topic in topics.items():
        camera, transport = split_transport(name, topic.type)
        decoded = topic.type in IMAGE_TYPES and transport in ("", _COMPRESSED)
        if decoded and not {name, camera} & set(taken) and not camera.endswith(made):
            images.append((name, camera))
    images = [image for image in images if topics[image[0]].count] or images
    cameras = {camera: name for name, camera in sorted(images, reverse=True)}
    if IMAGE_TOPIC in cameras:
        return cameras[IMAGE_TOPIC]
    if len(cameras) > 1:
        listed = ", ".join(sorted(cameras.values()))
        raise OpenSetError(f"{path} has several topics of images ({listed}): {remedy}")
    return next(iter(cameras.values()), None)


def split_transport(name: str, kind: str) -> tuple[str, str]:
    """Return the camera of an image topic, and the transport of image_transport, "" for raw."""
    camera, _, transport = name.rpartition("/")
    if kind == COMPRESSED_IMAGE_TYPE and transport in (_COMPRESSED, *_UNDECODED):
        return camera, transport
    return name, ""


def read_legend(reader: BagReader, topic: str) -> dict | None:
    """Return the last legend of a topic; None where the topic has no message.

    Raises OpenSetError for a topic that holds no legend: not text, not JSON, not an object.
    """
    text = None
    for _, _, message in reader.messages([topic]):
        text = getattr(message, "data", None)
    if text is None:
        return None
    try:
        legend = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        reason = one_line(error)
        raise OpenSetError(f"{reader.path}, {topic}: the legend is no JSON ({reason})") from None
    if not isinstance(legend, dict):
        raise OpenSetError(f"{reader.path}, {topic}: the legend is no JSON object")
    return legend


def _present(*names: str | None) -> tuple[str, ...]:
    return tuple(name for name in names if name is not None)


def _check_given(reader: BagReader, field: str, name: str) -> None:
    types = IMAGE_TYPES if field == "image" else (IMAGE_TYPE,)
    if name not in reader.topics:
        fitting = [n for n, topic in reader.topics.items() if topic.type in types]
        raise OpenSetError(
            f"{OPTIONS[field]}: {reader.path} has no topic {name}, it has {_list(fitting)}"
        )
    kind = reader.topics[name].type
    if kind not in types:
        raise OpenSetError(
            f"{OPTIONS[field]}: {name} of {reader.path} is a {kind}: give a topic of "
            f"{' or '.join(types)}"
        )


def _find_by_suffix(
    reader: BagReader, field: str, suffix: str, taken: Collection[str]
) -> str | None:
    # `/ground_truth/labels` ends like an output: truth is told apart by its longer suffix.
    truths = () if field in TRUTH_SUFFIXES else tuple(TRUTH_SUFFIXES.values())
    fitting = [
        name
        for name, topic in reader.topics.items()
        if topic.type == IMAGE_TYPE
        and name.endswith(suffix)
        and not name.endswith(truths)
        and name not in taken
    ]
    if len(fitting) > 1:
        raise OpenSetError(
            f"{reader.path} has several topics {suffix} ({', '.join(fitting)}): choose one with "
            f"{OPTIONS[field]}"
        )
    return fitting[0] if fitting else None


def _find_legend(reader: BagReader, outputs: tuple[str, ...]) -> str | None:
    for output in outputs:
        name = f"{output.rpartition('/')[0]}/legend"
        if name in reader.topics and reader.topics[name].type == STRING_TYPE:
            return name
    return None


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none of its type"
