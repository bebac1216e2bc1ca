"""JPEG files as cameras write them."""

from __future__ import annotations

import struct


def turned(jpeg: bytes, orientation: int) -> bytes:
    """Return a JPEG file that says by EXIF how it is to be turned, 1 to 8."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
