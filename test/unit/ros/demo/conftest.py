"""A frame whose outputs are right, as the node would publish them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ldn_openset_ros.inference.overlay import blend_overlay
from ldn_openset_ros.ros.demo.frame import RecordedFrame
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.taxonomy import SemanticClass, Taxonomy

THRESHOLD, OPACITY = 0.5, 0.5


@pytest.fixture(scope="session")
def taxonomy():
    colours = ((10, 20, 30), (90, 100, 110), (200, 0, 50))
    classes = tuple(SemanticClass(f"class {i}", c) for i, c in enumerate(colours))
    return Taxonomy("three", classes)


@pytest.fixture
def make_frame(taxonomy):
    def make(seed=0, size=(24, 32), **changes):
        rng = np.random.default_rng(seed)
        rgb = rng.integers(0, 256, (*size, 3), np.uint8)
        labels = rng.integers(0, 3, size, np.uint8)
        outlier = rng.random(size, np.float32)
        outlier[0, 0] = THRESHOLD
        open_set = labels.copy()
        open_set[outlier >= THRESHOLD] = taxonomy.outlier_id
        overlay = blend_overlay(rgb, open_set, taxonomy, OPACITY)
        return RecordedFrame(
            **{
                "rgb": rgb,
                "labels": labels,
                "outlier": outlier,
                "open_set": open_set,
                "overlay": overlay,
                **changes,
            }
        )

    return make


@pytest.fixture
def make_messages():
    """Build the messages of a frame by topic; the header is that of the image throughout."""

    def message(pixels, encoding, header):
        return image_message(SimpleNamespace, pixels, encoding, header)

    def make(frame, header=("camera", 5)):
        return {
            "/camera/image_raw": message(frame.rgb, "rgb8", header),
            "/openset/labels": message(frame.labels, "mono8", header),
            "/openset/outlier_probability": message(frame.outlier, "32FC1", header),
            "/openset/open_set": message(frame.open_set, "mono8", header),
            "/openset/overlay": message(frame.overlay, "rgb8", header),
        }

    return make
