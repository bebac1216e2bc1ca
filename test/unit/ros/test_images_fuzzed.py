"""Image messages with any fields and data: pixels of the right shape, or one OpenSetError."""

from __future__ import annotations

import array
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from fuzzing import TEXTS, attempt, damaged
from hypothesis import assume, given
from hypothesis import strategies as st

from ldn_openset_ros.data.picture_format import read_header
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros import images
from ldn_openset_ros.ros.images import (
    MAX_PIXELS,
    decode_compressed,
    decode_depth,
    decode_float,
    decode_image,
    decode_map,
    image_message,
)

# A signalling NaN that is computed with must not even warn.
pytestmark = pytest.mark.filterwarnings("error")

LAYOUTS = images._PACKED
ENCODINGS = (*LAYOUTS, *images._PLANAR_TO_RGB)
DECODERS = {
    decode_image: (np.uint8, (3,)),
    decode_map: (np.uint8, ()),
    decode_float: (np.float32, ()),
    decode_depth: (np.float32, ()),
}
SIZES = st.integers(0, 12)
CLAIMS = st.one_of(SIZES, st.integers(0, 2**32 - 1), st.sampled_from([2**16, 2**31, 2**32 - 1]))
BYTES = st.binary(max_size=1500)
FORMATS = st.sampled_from(["", "rgb8; jpeg compressed bgr8", "bayer_rggb8; png", "bayer_gbrg16"])


@st.composite
def likely_messages(draw):
    """Small images whose fields fit their data but for a few bytes more or less."""
    height, width = draw(SIZES), draw(SIZES)
    encoding = draw(st.sampled_from(ENCODINGS))
    dtype, channels = LAYOUTS.get(encoding, (np.dtype(np.uint8), 1))
    step = width * channels * dtype.itemsize + draw(st.integers(-1, 3))
    rows = height if encoding in LAYOUTS else 3 * height
    needed = max(rows * step + draw(st.sampled_from([0, 0, 0, -1, -4, 5])), 0)
    return build(
        height, width, encoding, max(step, 0), draw(st.binary(min_size=needed, max_size=needed))
    )


def build(height, width, encoding, step, data, big_endian=0):
    return SimpleNamespace(
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=big_endian,
        step=step,
        data=array.array("B", data),
    )


any_messages = st.builds(
    build,
    CLAIMS,
    CLAIMS,
    st.one_of(st.sampled_from(ENCODINGS), TEXTS),
    CLAIMS,
    BYTES,
    st.integers(0, 255),
)


@given(st.one_of(likely_messages(), any_messages), st.sampled_from(list(DECODERS)))
def test_any_image_message_gives_pixels_or_one_error(message, decode):
    dtype, channels = DECODERS[decode]
    before = bytes(message.data)
    pixels = attempt(decode, message)
    if not isinstance(pixels, OpenSetError):
        assert pixels.shape == (message.height, message.width, *channels)
        assert pixels.dtype == dtype
        assert not np.shares_memory(pixels, np.frombuffer(message.data, np.uint8))
    assert bytes(message.data) == before


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8), st.booleans())
def test_floats_of_any_bits_keep_them_and_depth_is_a_distance_or_nan(bits, big_endian):
    data = np.array([bits], np.uint32)
    stored = data.astype(">u4" if big_endian else "<u4").tobytes()
    message = build(1, len(bits), "32FC1", len(stored), stored, int(big_endian))
    # Compared as bits: NaN equals nothing.
    assert (decode_float(message).view(np.uint32) == data).all()
    depth = decode_depth(message)
    good = np.isfinite(data.view(np.float32)) & (data.view(np.float32) > 0)
    assert (depth[good] == data.view(np.float32)[good]).all()
    assert np.isnan(depth[~good]).all()


@st.composite
def arrays(draw, encoding):
    """An array of 3 to 8 (an even number of) rows and columns that fits an encoding."""
    dtype, channels = LAYOUTS[encoding]
    height, width = draw(st.integers(3, 8)), 2 * draw(st.integers(2, 4))
    size = height * width * channels
    data = draw(st.binary(min_size=size * dtype.itemsize, max_size=size * dtype.itemsize))
    pixels = np.frombuffer(data, dtype)
    return pixels.reshape((height, width) if channels == 1 else (height, width, channels))


def with_padding(message, padding):
    """The same image with `padding` after each row, from the second row on."""
    rows = [
        bytes(message.data[row * message.step : (row + 1) * message.step])
        for row in range(message.height)
    ]
    step = message.step + len(padding)
    return build(message.height, message.width, message.encoding, step, padding.join(rows))


def big_endian(message):
    data = np.frombuffer(message.data, LAYOUTS[message.encoding][0]).byteswap().tobytes()
    return build(message.height, message.width, message.encoding, message.step, data, 1)


def written_out(pixels, encoding):
    """RGB of what is neither a mosaic nor YUV."""
    dtype, channels = LAYOUTS[encoding]
    if dtype == np.uint16:
        pixels = np.round(pixels / 257).astype(np.uint8)
    if channels == 1:
        return np.dstack([pixels] * 3)
    return pixels[..., :3] if encoding.startswith("rgb") else pixels[..., 2::-1]


@pytest.mark.parametrize("encoding", LAYOUTS)
@given(st.data())
def test_what_is_written_comes_back_with_or_without_padding(encoding, data):
    pixels = data.draw(arrays(encoding))
    message = image_message(SimpleNamespace, pixels, encoding, header=None)
    padded = with_padding(message, data.draw(st.binary(min_size=1, max_size=5)))
    if encoding == "32FC1":
        for image in (message, padded, big_endian(message)):
            assert decode_float(image).tobytes() == pixels.tobytes()
        return
    rgb = decode_image(message)
    for image in (padded, big_endian(message)):
        np.testing.assert_array_equal(decode_image(image), rgb)
    if encoding.startswith(("bayer", "yuv", "yuyv", "uyvy")):
        return  # that these give the right colours is in test_images.py
    np.testing.assert_array_equal(rgb, written_out(pixels, encoding))
    if encoding in ("mono8", "8UC1"):
        np.testing.assert_array_equal(decode_map(padded), pixels)


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    """Small files of every format and kind that are decoded."""
    rng = np.random.default_rng(0)
    grey = cv2.resize(rng.integers(0, 256, (3, 4), np.uint8), (16, 12))
    bgr = np.dstack([grey, grey[::-1], grey[:, ::-1]])
    deep = bgr.astype(np.uint16) * 257
    options = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    return [
        cv2.imencode(suffix, picture, more)[1].tobytes()
        for suffix, picture, more in (
            (".png", grey, ()),
            (".png", bgr, ()),
            (".png", np.dstack([bgr, grey]), ()),
            (".png", deep, ()),
            (".jpg", grey, ()),
            (".jpg", bgr, ()),
            (".jpg", bgr, options),
            (".webp", bgr, (cv2.IMWRITE_WEBP_QUALITY, 80)),
            (".webp", bgr, (cv2.IMWRITE_WEBP_QUALITY, 101)),
            (".webp", np.dstack([bgr, grey]), (cv2.IMWRITE_WEBP_QUALITY, 80)),
            (".bmp", grey, ()),
            (".bmp", np.dstack([bgr, grey]), ()),
            (".tiff", bgr, ()),
            (".tiff", deep, (cv2.IMWRITE_TIFF_COMPRESSION, 8)),
        )
    ]


def decoded(data, text=""):
    """The pixels of a compressed message; None where it is refused with one line."""
    message = SimpleNamespace(format=text, data=array.array("B", data))
    pixels = attempt(decode_compressed, message)
    if isinstance(pixels, OpenSetError):
        return None
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    return pixels


@given(st.data(), st.one_of(FORMATS, TEXTS))
def test_any_damage_to_a_file_gives_pixels_or_one_error(files, data, text):
    content = data.draw(damaged(data.draw(st.sampled_from(files))))
    # The largest pictures that are allowed take a second each.
    height, width = claimed_size(content)
    assume(not 2**20 < height * width <= MAX_PIXELS)
    pixels = decoded(content, text)
    if pixels is not None:
        assert pixels.shape[:2] == (height, width)


def claimed_size(content):
    header = read_header(content)
    return (0, 0) if header is None else (header.height, header.width)


@given(
    st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM"]),
    BYTES,
    st.sampled_from([b"", b"\xff\xd9", b"IEND\xaeB`\x82"]),
)
def test_any_bytes_are_refused(start, body, end):
    assert decoded(start + body + end) is None


@pytest.mark.parametrize("number", range(14))
def test_a_file_cut_anywhere_is_refused(files, number):
    content = files[number]
    for length in range(len(content)):
        assert decoded(content[:length]) is None


def chunk(kind, body):
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def png(width, height, more=b""):
    """A PNG file that claims any size and has nothing of its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(2)))
    return b"\x89PNG\r\n\x1a\n" + header + more + data + chunk(b"IEND", b"")


def jpeg(width, height):
    """A JPEG file's frame header that claims any size, and an end."""
    frame = struct.pack(">HHBHHB", 0xFFC0, 17, 8, height, width, 3)
    return b"\xff\xd8" + frame + bytes(9) + b"\xff\xd9"


def with_marker(marker):
    """A JPEG file of 30000x30000 pixels that seems to be 8x8 where the marker has a length.

    A decoder goes on right behind a marker without length, where the large frame is.
    """
    large = jpeg(30000, 30000)[2:-2]  # its first two bytes are the length
    return b"\xff\xd8" + marker + large.ljust(0xFFC0, b"\0") + jpeg(8, 8)[2:]


def animation(width, height):
    frame = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 1, 0, 0)
    return png(width, height, chunk(b"acTL", struct.pack(">II", 9, 0)) + chunk(b"fcTL", frame))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_claims_of_any_size_are_refused(width, height):
    assert decoded(jpeg(width & 0xFFFF, height & 0xFFFF)) is None
    assert decoded(png(width, height)) is None


def webp(width, height, extended=False):
    """A WebP file, lossy or extended, that claims any size and has nothing of its pixels."""
    sides = struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    body = b"VP8 " + struct.pack("<I", 10) + b"\x10\0\0\x9d\x01\x2a" + sides
    if extended:
        canvas = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
        body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + body
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def bmp(width, height, start=54):
    """A BMP file that claims any size and has nothing of its pixels."""
    return b"BM" + struct.pack("<IIIIiiHHI", 54, 0, start, 40, width, height, 1, 24, 0) + bytes(20)


def tiff(width, height, **more):
    """A TIFF file of one empty strip, or tile, that claims any size; more: values by tag."""
    values = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 100}
    values.update({int(tag[1:]): value for tag, value in more.items()})
    entries = [struct.pack("<HHII", tag, 4, 1, values[tag]) for tag in sorted(values)]
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(104)


HOSTILE = {
    "webp of 16383x16383": webp(16383, 16383),
    "webp of the largest size": webp(5792, 5792),
    "extended webp of 2^24 x 2^8": webp(2**24, 2**8, extended=True),
    "extended webp of the largest size": webp(5792, 5792, extended=True),
    "bmp of 2^31 - 1 rows": bmp(1, 2**31 - 1),
    "bmp of the largest size": bmp(5792, 5792),
    "bmp whose rows start far behind": bmp(5792, -5792, start=2**32 - 1),
    "tiff of 2^32 - 1 rows": tiff(2**32 - 1, 2**32 - 1),
    "tiff of the largest size": tiff(5792, 5792),
    "tiff of the largest size in one strip": tiff(5792, 5792, t278=2**32 - 1, t279=2**25),
    "tiff with strips of 2^24 rows": tiff(64, 64, t278=2**24, t279=2**30),
    "tiff with tiles of 2^15 x 2^15": tiff(64, 64, t322=2**15, t323=2**15, t324=8, t325=2**30),
    "png of 65535x65535": png(65535, 65535),
    "png of the largest size": png(5792, 5792),
    "png chunk of 2 GiB": png(8, 8, struct.pack(">I", 2**31 - 1) + b"tEXt"),
    "png that starts otherwise": png(8, 8).replace(b"IHDR", b"tEXt", 1) + png(30000, 30000)[8:],
    "png animation without pixels": animation(5000, 5000),
    "jpeg of 65535x65535": jpeg(65535, 65535),
    "jpeg of the largest size": jpeg(5792, 5792),
    **{f"jpeg with {m.hex()}": with_marker(m) for m in (b"\xff\0", b"\xff\x01", b"\xff\xd0")},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_refused_without_taking_memory(name):
    taken = peak_memory(lambda: decoded(HOSTILE[name]))
    assert taken < 32 * 2**20


def test_text_that_unpacks_to_64_mebibytes_takes_no_memory():
    packed = zlib.compress(bytes(2**26), 9)
    more = chunk(b"iCCP", b"x\0\0" + packed) + chunk(b"zTXt", b"x\0\0" + packed)
    assert peak_memory(lambda: decoded(png(8, 8, more))) < 32 * 2**20


def peak_memory(function):
    """The bytes that the process grows by while a function, which returns None, runs."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = resident("VmHWM")
    assert function() is None
    return resident("VmHWM") - before


def resident(name):
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if name in x)
    return int(line.split()[1]) * 1024


def test_a_jpeg_of_a_thousand_scans_is_refused(files):
    """Each of them takes as long as the picture is large, however little of it they hold."""
    progressive = files[6]
    start = progressive.rindex(b"\xff\xda")
    for count, is_fine in ((0, True), (10, True), (1000, False)):
        content = progressive[:-2] + progressive[start:-2] * count + progressive[-2:]
        assert (decoded(content) is not None) == is_fine
