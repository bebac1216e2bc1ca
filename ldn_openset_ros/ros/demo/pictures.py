"""What a demo leaves to look at: panels of some frames, and a video of all. No ROS here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.panel import side_by_side
from ldn_openset_ros.ros.demo.frame import RecordedFrame
from ldn_openset_ros.taxonomy import Taxonomy

MAX_VIDEO_WIDTH = 1280
CODECS = {"libx264": {"preset": "veryfast", "crf": "23"}, "mpeg4": {"qscale": "4"}}
"""Encoders in the order of preference, with their options."""


def evenly_spaced(total: int, count: int) -> list[int]:
    """Return up to `count` different indices below `total`, from the first to the last."""
    return sorted({int(index) for index in np.linspace(0, total - 1, min(count, total)).round()})


def panel(frame: RecordedFrame, taxonomy: Taxonomy) -> np.ndarray:
    """Return input, labels, outlier heat map and open-set overlay in one picture, uint8 RGB."""
    return side_by_side(frame.rgb, frame.prediction, taxonomy)


def outlier_pixels(frame: RecordedFrame, taxonomy: Taxonomy) -> int:
    """Count a frame's outlier pixels: by the truth, or else by the open-set map."""
    if frame.outlier_truth is not None:
        return int((frame.outlier_truth == 1).sum())
    return int((frame.open_set == taxonomy.outlier_id).sum())


class VideoWriter:
    """Write an mp4 of equally spaced pictures; a context manager.

    H.264 where PyAV has its encoder, else MPEG-4. Closing checks that the file can be read.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Take the file to write and the frames per second, above 0."""
        self._path = path
        self._rate = Fraction(rate).limit_denominator(1000)
        self._count = 0
        self._stream: av.VideoStream | None = None
        with self._write_errors():
            self._container = av.open(str(path), "w", format="mp4")

    def add(self, rgb: np.ndarray) -> None:
        """Append a picture, uint8 (H, W, 3); the first one decides the video's size."""
        height, width = rgb.shape[:2]
        if self._stream is None:
            self._stream = self._create_stream(*video_size(height, width))
        size = (self._stream.width, self._stream.height)
        if size != (width, height):
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        self._write(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"))
        self._count += 1

    def close(self) -> None:
        """Finish the file; raises OpenSetError where it does not hold all pictures."""
        if self._stream is not None:
            self._write(None)
        with self._write_errors():
            self._container.close()
        found = count_frames(self._path) if self._count else 0
        if found != self._count:
            raise OpenSetError(
                f"{self._path} holds {found} of {self._count} frames: check the free space"
            )

    def __enter__(self) -> VideoWriter:
        """Return the writer."""
        return self

    def __exit__(self, kind, *exception) -> None:
        """Finish the file; after an error, only close it."""
        if kind is None:
            self.close()
        else:
            self._container.close()

    def _create_stream(self, height: int, width: int) -> av.VideoStream:
        name = next(name for name in CODECS if name in av.codecs_available)
        stream = self._container.add_stream(name, rate=self._rate, options=CODECS[name])
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        return stream

    def _write(self, frame: av.VideoFrame | None) -> None:
        with self._write_errors():
            self._container.mux(self._stream.encode(frame))

    @contextmanager
    def _write_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, FFmpegError) as error:
            raise OpenSetError(f"cannot write {self._path}: {error}") from None


def video_size(height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) of a video of pictures: even, at most MAX_VIDEO_WIDTH wide."""
    scale = min(1.0, MAX_VIDEO_WIDTH / width)
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)


def count_frames(path: Path) -> int:
    """Return how many frames of a video can be decoded."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except FFmpegError as error:
        raise OpenSetError(f"{path} cannot be read: {error}") from None
