"""What the header of an encoded picture says, before memory is taken to decode it.

Nothing in a file is trusted: for a file that OpenCV would take more memory for than its picture
needs, that it would read as another size, or of which it would fill in what is missing, there is
no header here or it is not whole.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

MAX_SCANS = 100
"""JPEG files with more are not whole; progressive ones have about ten."""

MAX_SEGMENTS = 2**14
"""The same for segments: a thumbnail, colour profile and notes may take some hundreds."""

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""JPEG: neither a stuffed byte, nor a restart in the middle of a scan, nor a fill byte."""
_NEXT_MARKER = re.compile(rb"\xff+[^\xff]")
_NO_MORE = (b"\xd9", b"\xda", b"")
"""Markers, or the end of the data, behind which no segment comes that describes the picture."""
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_UNCOMPRESSED, _BIT_FIELDS = 0, 3
"""BMP's forms whose length follows from the size."""
_TIFF_COMPRESSIONS = (1, 5, 8, 32773, 32946)
"""None, LZW, Deflate, PackBits, Deflate under its older number."""
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
LEAST_TILE = 2**20
"""Pixels. TIFF: a tile, or the rows of a strip, may be as large, however small the picture is."""
_ALL_ROWS = 2**32 - 1
"""TIFF: as rows of a strip, all that there are."""
_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _ORIENTATION, _STRIP_ROWS = 256, 257, 258, 259, 274, 278
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_TAGS = frozenset(
    (
        *(_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _ORIENTATION, _STRIP_ROWS),
        *(_TILE_WIDTH, _TILE_HEIGHT),
    )
)


@dataclass(frozen=True)
class PictureHeader:
    """Format ("JPEG", "PNG", "WebP", "BMP" or "TIFF"), height and width in pixels as stored.

    least: bytes that the file has at least, by its header.
    """

    format: str
    height: int
    width: int
    least: int = 0


def read_header(data: bytes) -> PictureHeader | None:
    """Return what the start of a picture file says; None for anything unknown or damaged."""
    for read in (_read_jpeg, _read_png, _read_webp, _read_bmp, _read_tiff):
        try:
            header = read(data)
        except struct.error:  # too short
            continue
        if header is not None:
            return header
    return None


def is_whole(data: bytes, header: PictureHeader) -> bool:
    """Return whether a file has an end and asks for no more than a picture takes.

    What is behind its end does not count. OpenCV fills what a truncated file lacks with grey. For
    a PNG chunk it takes the memory that the chunk claims, it shows an animation whose pixels are
    missing, and it goes over the whole picture for each scan of a JPEG file.
    """
    if header.format == "JPEG":
        return _jpeg_is_whole(data)
    if header.format == "PNG":
        return _png_is_whole(data)
    return header.least <= len(data)


def _read_jpeg(data: bytes) -> PictureHeader | None:
    if not data.startswith(b"\xff\xd8"):
        return None
    position = 2
    for _ in range(MAX_SEGMENTS):
        found = _NEXT_MARKER.match(data, position)
        if found is None:
            return None
        position, marker = found.end(), data[found.end() - 1]
        # Only markers with a length may come here: decoders read on right behind those
        # without (TEM, RST, ...), and would find another size than what is found here.
        if marker < 0xC0 or 0xD0 <= marker <= 0xD9:
            return None
        # Start of frame: C0 to CF but for DHT (C4), JPG (C8) and DAC (CC).
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return PictureHeader("JPEG", *struct.unpack_from(">HH", data, position + 3))
        position += struct.unpack_from(">H", data, position)[0]
    return None


def _jpeg_is_whole(data: bytes) -> bool:
    """Go from marker to marker: a thumbnail in a segment has an end of its own."""
    position, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None:
            return False
        position, marker = found.end(), data[found.end() - 1]
        if marker == 0xD9:
            return True
        scans += marker == 0xDA
        if scans > MAX_SCANS:
            return False
        # Those below C0 have no length, or are unknown and no decoder skips what follows.
        if marker >= 0xC0 and position + 2 <= len(data):
            position += struct.unpack_from(">H", data, position)[0]
    return False


def _read_png(data: bytes) -> PictureHeader | None:
    if not data.startswith(_PNG_START):
        return None
    width, height = struct.unpack_from(">II", data, len(_PNG_START))
    return PictureHeader("PNG", height, width)


def _png_is_whole(data: bytes) -> bool:
    position, kind = 8, b""
    while kind not in (b"IEND", b"acTL") and position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
    return kind == b"IEND" and position <= len(data)


def _read_webp(data: bytes) -> PictureHeader | None:
    """Read the first chunk; in animations frames have sizes of their own, so there is none."""
    if not (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return None
    length, kind = struct.unpack_from("<I", data, 4)[0], data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L" and data[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X" and len(data) >= 30 and not data[20] & 2:
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    else:
        return None
    return PictureHeader("WebP", height, width, 8 + length)


def _read_bmp(data: bytes) -> PictureHeader | None:
    if not data.startswith(b"BM"):
        return None
    start, length = struct.unpack_from("<II", data, 10)
    if length == 12:
        width, height, _, depth = struct.unpack_from("<4H", data, 18)
        compression = _UNCOMPRESSED
    elif length >= 40:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        return None
    if compression not in (_UNCOMPRESSED, _BIT_FIELDS) or width < 0:
        return None
    height = abs(height)  # negative: from the top down
    return PictureHeader("BMP", height, width, start + (width * depth + 31) // 32 * 4 * height)


def _read_tiff(data: bytes) -> PictureHeader | None:
    """Read the first directory; strips and tiles may be no larger than the picture by much."""
    directory = _read_directory(data)
    if directory is None:
        return None
    values, end = directory
    width, height = values.get(_WIDTH, 0), values.get(_HEIGHT, 0)
    rows = values.get(_STRIP_ROWS, _ALL_ROWS)
    tile = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    largest = max(4 * width * height, LEAST_TILE)
    if (
        values.get(_DEPTH, 1) > 16
        or values.get(_COMPRESSION, 1) not in _TIFF_COMPRESSIONS
        or (rows * width > largest and rows != _ALL_ROWS)
        or tile > largest
    ):
        return None
    return PictureHeader("TIFF", height, width, end)


def _read_directory(data: bytes) -> tuple[dict[int, int], int] | None:
    """Return the first directory of a TIFF file, the first value of each tag, and its end.

    Only the tags that are used here. None for another file, and where a tag comes twice or has a
    type that is not usual: decoders differ in what they take then.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return None
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    values: dict[int, int] = {}
    for place in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, place)
        if tag not in _TAGS:
            continue
        if tag in values or kind not in _TIFF_TYPES or not 1 <= number <= 4:
            return None
        form = f"{order}{number}{_TIFF_TYPES[kind]}"
        at = place + 8
        if struct.calcsize(form) > 4:
            (at,) = struct.unpack_from(f"{order}I", data, at)
        values[tag] = max(struct.unpack_from(form, data, at))
    return values, directory + 2 + 12 * count


def exif_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a picture file, 1 to 8; 1 (as it is) where none is told."""
    try:
        directory = _read_directory(_exif_of(data))
    except struct.error:
        return 1
    orientation = 1 if directory is None else directory[0].get(_ORIENTATION, 1)
    return orientation if 1 <= orientation <= 8 else 1


def _exif_of(data: bytes) -> bytes:
    """Return the EXIF part of a file, which is a small TIFF file; empty where there is none."""
    if data.startswith((b"II", b"MM")):
        return data
    if data.startswith(b"\xff\xd8"):
        position = 2
        while (
            data[position : position + 1] == b"\xff"
            and data[position + 1 : position + 2] not in _NO_MORE
        ):
            (length,) = struct.unpack_from(">H", data, position + 2)
            if data[position + 4 : position + 10] == b"Exif\0\0":
                return data[position + 10 : position + 2 + length]
            position += 2 + length
    elif data.startswith(_PNG_START):
        position = 8
        while position + 12 <= len(data):
            length, kind = struct.unpack_from(">I4s", data, position)
            if kind == b"eXIf":
                return data[position + 8 : position + 8 + length]
            position += 12 + length
    elif data.startswith(b"RIFF") and data[12:16] == b"VP8X":
        position = 12
        while position + 8 <= len(data):
            kind, length = struct.unpack_from("<4sI", data, position)
            if kind == b"EXIF":
                return data[position + 8 : position + 8 + length].removeprefix(b"Exif\0\0")
            position += 8 + length + length % 2
    return b""
