"""Frames of a video file, a folder of pictures or a camera device, one by one. No ROS here."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.errors import OpenSetError

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts")
_LOG = logging.getLogger(__name__)
DEFAULT_RATE = 10.0
"""Frames per second of media that do not say their own."""


class Media(Protocol):
    """Frames in their order, uint8 (H, W, 3) RGB.

    rate: frames per second; 0 = frames come at the source's own pace and `read` waits for them.
    """

    rate: float

    def read(self) -> np.ndarray | None:
        """Return the next frame, None at the end."""

    def rewind(self) -> None:
        """Start again with the first frame."""

    def close(self) -> None:
        """Let go of the source."""


def open_media(source: str) -> Media:
    """Open a video file, a folder of pictures or a camera ("/dev/video0", or "0" for short).

    Raises OpenSetError where the source is missing or cannot be read; so does reading.
    """
    if is_device(source):
        return Device(source)
    path = Path(source)
    if path.is_dir():
        return Pictures(path)
    if path.is_file():
        return Video(path)
    raise OpenSetError(
        f"no video, folder of pictures or camera {source!r}: check the path, or give /dev/video0"
    )


def is_device(source: str) -> bool:
    """Return whether a source names a camera device."""
    return re.fullmatch(r"\d+|/dev/video\d+", source) is not None


class Pictures:
    """The pictures of a folder, by name."""

    def __init__(self, folder: Path) -> None:
        self.rate = DEFAULT_RATE
        self._pictures = PictureFolder(folder)
        self._next = 0

    def read(self) -> np.ndarray | None:
        """Return the next picture, None after the last; one that cannot be read is left out."""
        while self._next < len(self._pictures):
            self._next += 1
            try:
                return self._pictures[self._next - 1].rgb
            except OpenSetError as error:
                _LOG.warning("a picture is left out: %s", error)
        return None

    def rewind(self) -> None:
        """Start again with the first picture."""
        self._next = 0

    def close(self) -> None:
        """Do nothing: no file is kept open."""


class Video:
    """The frames of a video file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture = self._open()
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= 1000 else DEFAULT_RATE

    def read(self) -> np.ndarray | None:
        """Return the next frame, None after the last."""
        found, bgr = self._capture.read()
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if found else None

    def rewind(self) -> None:
        """Start again with the first frame."""
        # Seeking to frame 0 is not exact in every container, opening again is.
        self._capture.release()
        self._capture = self._open()

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise OpenSetError(f"{self._path} is no readable video: give another file or format")
        return capture


class Device:
    """The frames of a camera, at its pace."""

    rate = 0.0

    def __init__(self, source: str) -> None:
        self._path = source if source.startswith("/dev/") else f"/dev/video{source}"
        if not Path(self._path).exists():
            raise OpenSetError(f"no camera {self._path}: plug it in, or give another device")
        self._capture = cv2.VideoCapture(self._path, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise OpenSetError(
                f"camera {self._path} cannot be opened: close programs that use it, and check "
                "that you are in the group `video`"
            )

    def read(self) -> np.ndarray:
        """Wait for the next frame."""
        found, bgr = self._capture.read()
        if not found:
            raise OpenSetError(f"camera {self._path} delivers no frames: check its cable")
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

    def rewind(self) -> None:
        """Do nothing: a camera has no end."""

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()
