"""Pictures of the worst frames, inside the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.summary import WorstFrame
from ldn_openset_ros.report.figures import count

MIME_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
WIDE = 2.4
"""Width over height from which on a picture gets a row of its own."""


@dataclass(frozen=True)
class Picture:
    """uri: the file itself as a data URI. width, height: in pixels."""

    uri: str
    width: int
    height: int
    frame: str
    caption: str

    @property
    def is_wide(self) -> bool:
        """Whether its panels stand in one row."""
        return self.width > WIDE * self.height


@dataclass(frozen=True)
class Gallery:
    """Pictures under one heading; without any, `remark` says why."""

    title: str
    pictures: tuple[Picture, ...]
    remark: str = ""


def read_pictures(
    folder: Path, frames: Sequence[WorstFrame], pixels_are: str
) -> tuple[Picture, ...]:
    """Read the pictures of frames from a results folder.

    pixels_are: what the counted pixels of a frame are. Raises OpenSetError for a missing or broken
    picture, and for one that is not in the folder.
    """
    return tuple(_read_picture(folder, frame, pixels_are) for frame in frames)


def _read_picture(folder: Path, frame: WorstFrame, pixels_are: str) -> Picture:
    path = folder / frame.picture
    if not path.resolve().is_relative_to(folder.resolve()):
        raise OpenSetError(f"{folder}: picture {frame.picture} is outside the results folder")
    if path.suffix.lower() not in MIME_TYPES:
        raise OpenSetError(f"{path} is no JPEG or PNG file: evaluate again")
    height, width = read_rgb(path).shape[:2]
    encoded = base64.b64encode(path.read_bytes()).decode()
    return Picture(
        f"data:{MIME_TYPES[path.suffix.lower()]};base64,{encoded}",
        width,
        height,
        frame.frame,
        f"{count(frame.pixels)} {pixels_are}",
    )
