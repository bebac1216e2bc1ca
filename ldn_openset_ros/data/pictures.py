"""Read and write pictures and label maps, with errors that name the file."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from ldn_openset_ros.data.palette_png import is_palette_png, show_indices
from ldn_openset_ros.data.picture_format import exif_orientation, is_whole, read_header
from ldn_openset_ros.errors import OpenSetError, one_line
from ldn_openset_ros.memory import check_memory

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
PIXEL_BYTES = 6
"""A pixel of colour, as OpenCV decodes it and as it is handed out."""

_LOG = logging.getLogger(__name__)
_TOLD: set[Path] = set()
"""Folders of which it was said that their pictures are not turned."""


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures directly in `folder`, sorted by name; an absent folder is an error.

    Folders and macOS's companions of files (`._x.png`), which are no pictures, are left out, and
    that is told.
    """
    if not folder.is_dir():
        raise OpenSetError(f"{folder} is not a folder: give one that holds pictures")
    pictures = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES):
        if path.name.startswith("._") or path.is_dir():
            kind = "a folder" if path.is_dir() else "a file of macOS"
            _LOG.warning("%s is left out: it is %s, no picture", path, kind)
        else:
            pictures.append(path)
    return pictures


def read_rgb(path: Path, upright: bool = True) -> np.ndarray:
    """Read a picture as uint8 (H, W, 3) RGB, whatever its file format and depth.

    upright: turn it as its EXIF orientation says. False reads it as it is stored, which is how
    maps that belong to it are read; the first of a folder that should be turned is told.
    """
    data = read_file(path)
    bgr = _decode(path, data, cv2.IMREAD_COLOR | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION))
    if not upright and path.parent not in _TOLD and exif_orientation(data) != 1:
        _TOLD.add(path.parent)
        _LOG.warning(
            "%s has the EXIF orientation %d: all pictures of its folder are read as stored, like "
            "their truth",
            path,
            exif_orientation(data),
        )
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def read_label_map(path: Path) -> np.ndarray:
    """Read a single-channel label map as uint8 (H, W), values untouched.

    In a PNG file with a palette the values are the palette's indices. Raises OpenSetError for
    maps of colours or of more than 8 bits.
    """
    data = read_file(path)
    if is_palette_png(data[:26]):
        labels = _decode(path, show_indices(data), cv2.IMREAD_UNCHANGED)[..., 0]
    else:
        labels = _decode(path, data, cv2.IMREAD_UNCHANGED)
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise OpenSetError(
            f"{path} is not an 8-bit single-channel label map (its array is {labels.dtype} "
            f"{labels.shape}): write class ids, not colours"
        )
    return labels


def read_number_map(path: Path) -> np.ndarray:
    """Read a single-channel map of 16 bits as uint16 (H, W), values untouched.

    Raises OpenSetError for maps of colours or of another depth.
    """
    numbers = _decode(path, read_file(path), cv2.IMREAD_UNCHANGED)
    if numbers.ndim != 2 or numbers.dtype != np.uint16:
        raise OpenSetError(
            f"{path} is not a 16-bit single-channel map (its array is {numbers.dtype} "
            f"{numbers.shape}): put the published file there"
        )
    return numbers


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write uint8 (H, W, 3) RGB, or a map of one channel, uint8 or uint16.

    Raises OpenSetError where the file cannot be written.
    """
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    done, data = cv2.imencode(path.suffix, stored)
    if not done:
        raise ValueError(f"{picture.dtype} {picture.shape} cannot be stored as {path.suffix}")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None


def read_file(path: Path) -> bytes:
    """Read a file; raises OpenSetError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error.strerror}") from None


def _decode(path: Path, data: bytes, mode: int) -> np.ndarray:
    header = read_header(data)
    if header is not None:
        what = f"{path}, a picture of {header.width}x{header.height} pixels,"
        check_memory(what, header.width * header.height * PIXEL_BYTES)
    picture = None
    if data and (header is None or is_whole(data, header)):
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
        except cv2.error as error:  # larger than OpenCV's limit, or than memory
            raise OpenSetError(f"cannot decode {path}: {one_line(error)}") from None
    if picture is None:
        raise OpenSetError(f"{path} is no readable picture: replace the file")
    return picture
