"""A node, its camera and the books over its frames: what is sent, and all that comes back."""

from __future__ import annotations

import array
from typing import Any

import cv2
import numpy as np
from bench import Bench, wait_for
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.diagnostics import Level, Outcome, all_have_an_outcome
from ldn_openset_ros.ros.images import decode_float, decode_map

HEIGHT, WIDTH = 64, 96
OUTPUTS = ("labels", "outlier_probability")


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return a picture of blocks in which the small network sees several classes."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)


def assert_maps(labels: Image, outlier: Image, expected: Any) -> None:
    """Compare published maps with a prediction, pixel by pixel."""
    np.testing.assert_array_equal(decode_map(labels), expected.labels)
    np.testing.assert_array_equal(decode_float(outlier), expected.outlier)


class Drill:
    """Expose the node to faults; `recover` proves that they cost what they may and no more."""

    def __init__(self, bench: Bench, model: Any, *arguments: str, **parameters: Any) -> None:
        """Start a node and subscribe to its outputs."""
        self.bench = bench
        self.node = bench.start(*arguments, model=str(model), **parameters)
        self.received = bench.subscribe_outputs(*OUTPUTS)
        self.predictor = Predictor.load(model, device="cpu")
        self.sent: list[Header] = []
        """Headers of the frames that must have been answered."""
        self._compressed = parameters.get("image_transport") == "compressed"
        kind = CompressedImage if self._compressed else Image
        self.camera = bench.camera(kind, "/image/compressed" if self._compressed else "/image")

    def values(self) -> dict[str, str]:
        """Return the values that diagnostics have of the camera."""
        return self.node.cameras[0].report().values

    def count(self, outcome: Outcome) -> int:
        """Return how many frames have had an outcome."""
        return int(self.values()[f"frames_{outcome.value}"])

    def good(self, rgb: np.ndarray) -> Image | CompressedImage:
        """Return a good frame with a stamp of its own."""
        if not self._compressed:
            return self.bench.image(rgb)
        png = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
        return CompressedImage(header=self.bench.header(), data=array.array("B", png))

    def refuse(self, message: Image | CompressedImage, reason: str) -> None:
        """Publish a frame that must count as bad, for that reason, and be told."""
        bad = self.count(Outcome.BAD)
        self.camera.publish(message)
        wait_for(lambda: self.count(Outcome.BAD) == bad + 1)
        assert reason in self.values()["last_error"]
        assert self.node.cameras[0].report().level >= Level.WARN

    def recover(self, message: Image | CompressedImage | None = None, camera: Any = None) -> None:
        """Publish a good frame and check all that the node has published so far.

        message: of `picture(0)`, by default one with a new stamp. camera: its publisher.
        """
        message = message or self.good(picture(0))
        (camera or self.camera).publish(message)
        self.answered(message.header)
        maps = (self.received[name][-1] for name in OUTPUTS)
        assert_maps(*maps, self.predictor(picture(0)))

    def answered(self, *headers: Header) -> None:
        """Wait for the outputs of frames; nothing else may ever have been published."""
        self.sent += headers
        for messages in self.received.values():
            wait_for(lambda m=messages: len(m) >= len(self.sent))
            assert [message.header for message in messages] == self.sent
        wait_for(self.every_frame_has_an_outcome)

    def every_frame_has_an_outcome(self) -> bool:
        """Whether no frame is on its way or has been lost."""
        return all_have_an_outcome(self.values())
