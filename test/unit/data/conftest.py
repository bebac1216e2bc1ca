"""Write small data sets in their published layouts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


def _write(path: Path, array) -> Path:
    array = np.asarray(array, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = cv2.cvtColor(array, cv2.COLOR_RGB2BGR) if array.ndim == 3 else array
    assert cv2.imwrite(str(path), stored)
    return path


def _palette_png(indices, palette, transparency: bytes = b"") -> bytes:
    indices = np.asarray(indices, np.uint8)
    height, width = indices.shape

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes())
        + (chunk(b"tRNS", transparency) if transparency else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write a map of one channel or an RGB picture, making its folders."""
    return _write


@pytest.fixture
def palette_png() -> Callable[..., bytes]:
    """Return the bytes of a PNG file of palette indices."""
    return _palette_png


@pytest.fixture
def write_palette(palette_png) -> Callable[..., Path]:
    """Write a palette PNG in which every class has the same colour, so that only indices tell."""

    def write_file(path: Path, indices) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(palette_png(indices, np.full((256, 3), 90)))
        return path

    return write_file
