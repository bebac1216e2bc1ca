"""A frame with all that the node made of it, checked against the interface. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ldn_openset_ros.bags.topics import LABELS_TOPIC, OUTLIER_TOPIC
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.ros.demo.sources import Source
from ldn_openset_ros.ros.images import (
    decode_compressed,
    decode_float,
    decode_image,
    decode_map,
)
from ldn_openset_ros.ros.recognition import OUTPUTS
from ldn_openset_ros.taxonomy import Taxonomy

NODE = "/openset"
OUTPUT_TOPICS = {name: f"{NODE}/{name}" for name in OUTPUTS}
LEGEND_TOPIC = f"{NODE}/legend"
DIAGNOSTICS_TOPIC = "/diagnostics"


@dataclass(frozen=True)
class RecordedFrame:
    """Arrays of one frame, all (H, W, ...) in its size.

    rgb, overlay: uint8 (H, W, 3) RGB; labels, open_set: uint8 ids; outlier: float32.
    labels_truth: uint8 train ids, 255 = ignore; outlier_truth: 0, 1 or 255; None where unknown.
    """

    rgb: np.ndarray
    labels: np.ndarray
    outlier: np.ndarray
    open_set: np.ndarray
    overlay: np.ndarray
    labels_truth: np.ndarray | None = None
    outlier_truth: np.ndarray | None = None

    @property
    def prediction(self) -> Prediction:
        """The published maps."""
        return Prediction(self.labels, self.outlier, self.open_set)


def decode_frame(messages: Mapping[str, Any], source: Source) -> RecordedFrame:
    """Decode the messages of one stamp, by topic; `source` says which one is the image and how.

    Raises OpenSetError where an output has another frame_id, size or encoding than it should, and
    where truth has another size than the image.
    """
    image = messages[source.image_topic]
    rgb = decode_compressed(image) if source.compressed else decode_image(image)
    maps = {}
    for name, topic in OUTPUT_TOPICS.items():
        message = messages[topic]
        if message.header != image.header:
            raise OpenSetError(
                f"{topic} has the frame_id {message.header.frame_id!r}, its image "
                f"{image.header.frame_id!r}"
            )
        if message.encoding != OUTPUTS[name].encoding:
            raise OpenSetError(
                f"{topic} has the encoding {message.encoding!r} instead of "
                f"{OUTPUTS[name].encoding!r}"
            )
        maps[topic] = _DECODERS[message.encoding](message)
    for topic in (LABELS_TOPIC, OUTLIER_TOPIC):
        maps[topic] = decode_map(messages[topic]) if topic in messages else None
    for topic, pixels in maps.items():
        if pixels is not None and pixels.shape[:2] != rgb.shape[:2]:
            raise OpenSetError(
                f"{topic} is {pixels.shape[1]}x{pixels.shape[0]}, its image "
                f"{rgb.shape[1]}x{rgb.shape[0]}"
            )
    return RecordedFrame(
        rgb=rgb,
        labels=maps[OUTPUT_TOPICS["labels"]],
        outlier=maps[OUTPUT_TOPICS["outlier_probability"]],
        open_set=maps[OUTPUT_TOPICS["open_set"]],
        overlay=maps[OUTPUT_TOPICS["overlay"]],
        labels_truth=maps[LABELS_TOPIC],
        outlier_truth=maps[OUTLIER_TOPIC],
    )


def check_contents(
    frame: RecordedFrame, taxonomy: Taxonomy, threshold: float, opacity: float
) -> None:
    """Check that the maps hold what they promise and agree with each other.

    threshold, opacity: the node's. Raises OpenSetError for the first fault.
    """
    if int(frame.labels.max()) >= taxonomy.num_classes:
        raise OpenSetError(
            f"labels hold the id {int(frame.labels.max())}, the legend has "
            f"{taxonomy.num_classes} classes"
        )
    lowest, highest = float(frame.outlier.min()), float(frame.outlier.max())
    if not (lowest >= 0 and highest <= 1):  # so that NaN is a fault as well
        raise OpenSetError(f"outlier probabilities run from {lowest} to {highest}, not in [0, 1]")
    outlying = frame.outlier >= np.float32(threshold)
    expected = np.where(outlying, np.uint8(taxonomy.outlier_id), frame.labels)
    wrong = int((frame.open_set != expected).sum())
    if wrong:
        raise OpenSetError(
            f"the open-set map contradicts labels and outlier probability in {wrong} pixels "
            f"(threshold {threshold})"
        )
    if not np.array_equal(
        frame.overlay, blend_overlay(frame.rgb, frame.open_set, taxonomy, opacity)
    ):
        raise OpenSetError("the overlay is not the image blended with the open-set map")


_DECODERS = {"mono8": decode_map, "32FC1": decode_float, "rgb8": decode_image}
