"""PNG files with a palette, whose pixels are indices: how Pascal VOC and Vistas store labels."""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE_COLOUR_TYPE = 3


def is_palette_png(data: bytes) -> bool:
    """Return whether `data` starts like a PNG file of palette indices."""
    return len(data) >= 26 and data.startswith(_SIGNATURE) and data[25] == _PALETTE_COLOUR_TYPE


def show_indices(png: bytes) -> bytes:
    """Return a palette PNG whose palette gives index i the grey (i, i, i), without transparency.

    OpenCV replaces indices by colours; in the file returned here the colours are the indices. The
    published palettes could not be inverted: two classes may share a colour. Pixel data is not
    touched. A file that is cut short is returned as far as it goes, for the decoder to refuse.
    """
    entries = 2 ** png[24]
    greys = bytes(index for index in range(min(entries, 256)) for _ in range(3))
    parts = [_SIGNATURE]
    place = len(_SIGNATURE)
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind = png[place + 4 : place + 8]
        if kind == b"PLTE":
            parts.append(_chunk(kind, greys))
        elif kind != b"tRNS":
            parts.append(png[place : place + 12 + length])
        place += 12 + length
    return b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
