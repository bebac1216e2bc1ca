"""Read and write pictures and label maps, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ldn_openset_ros.data.palette_png import is_palette_png, show_indices
from ldn_openset_ros.errors import OpenSetError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures directly in `folder`, sorted by name; an absent folder is an error."""
    if not folder.is_dir():
        raise OpenSetError(f"{folder} is not a folder: give one that holds pictures")
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)


def read_rgb(path: Path) -> np.ndarray:
    """Read a picture as uint8 (H, W, 3) RGB, whatever its file format and depth."""
    bgr = _decode(path, read_file(path), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def read_label_map(path: Path) -> np.ndarray:
    """Read a single-channel label map as uint8 (H, W), values untouched.

    In a PNG file with a palette the values are the palette's indices. Raises OpenSetError for
    maps of colours or of more than 8 bits.
    """
    data = read_file(path)
    if is_palette_png(data[:26].tobytes()):
        indices = np.frombuffer(show_indices(data.tobytes()), np.uint8)
        labels = _decode(path, indices, cv2.IMREAD_UNCHANGED)[..., 0]
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


def read_file(path: Path) -> np.ndarray:
    """Read a file as uint8 (bytes,); raises OpenSetError."""
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error.strerror}") from None


def _decode(path: Path, data: np.ndarray, mode: int) -> np.ndarray:
    picture = cv2.imdecode(data, mode) if data.size else None
    if picture is None:
        raise OpenSetError(f"{path} is no readable picture: replace the file")
    return picture
