"""Every encoding is compared with a conversion written out pixel by pixel here."""

from __future__ import annotations

import array
import contextlib
import struct
import sys
import tracemalloc
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from pictures_of_cameras import turned

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.images import (
    MAX_PIXELS,
    decode_compressed,
    decode_depth,
    decode_float,
    decode_image,
    decode_map,
    image_message,
)

HEIGHT, WIDTH = 6, 8


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def message(encoding, rows, width, big_endian=False, padding=0, step=None):
    """Build a raw image from its rows of bytes; every row is followed by `padding` of rubbish."""
    data = array.array("B", b"".join(bytes(row) + b"\xa5" * padding for row in rows))
    return SimpleNamespace(
        height=len(rows),
        width=width,
        encoding=encoding,
        is_bigendian=int(big_endian),
        step=len(rows[0]) + padding if step is None else step,
        data=data,
    )


def pack(pixel, order, bits, big_endian):
    """Return one pixel's bytes; `order` names its channels, alpha is arbitrary."""
    values = [{**pixel, "a": 77}[channel] for channel in order]
    code = "B" if bits == 8 else "H"
    return struct.pack(f"{'>' if big_endian else '<'}{len(values)}{code}", *values)


def to_8_bit(value, bits):
    return value if bits == 8 else int(value * 255 / 65535 + 0.5)


COLOURS = [
    ("rgb8", "rgb", 8),
    ("bgr8", "bgr", 8),
    ("8UC3", "bgr", 8),
    ("rgba8", "rgba", 8),
    ("bgra8", "bgra", 8),
    ("8UC4", "bgra", 8),
    ("rgb16", "rgb", 16),
    ("bgr16", "bgr", 16),
    ("16UC3", "bgr", 16),
    ("rgba16", "rgba", 16),
    ("bgra16", "bgra", 16),
    ("16UC4", "bgra", 16),
]


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(("encoding", "order", "bits"), COLOURS)
def test_colour_encodings(rng, encoding, order, bits, big_endian, padding):
    values = rng.integers(0, 2**bits, (HEIGHT, WIDTH, 3)).tolist()
    rows = [
        b"".join(
            pack(dict(zip("rgb", pixel, strict=True)), order, bits, big_endian) for pixel in r
        )
        for r in values
    ]
    rgb = decode_image(message(encoding, rows, WIDTH, big_endian, padding))
    expected = [[[to_8_bit(v, bits) for v in pixel] for pixel in row] for row in values]
    assert rgb.dtype == np.uint8
    assert rgb.tolist() == expected


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    ("encoding", "bits"), [("mono8", 8), ("8UC1", 8), ("mono16", 16), ("16UC1", 16)]
)
def test_grey_encodings(rng, encoding, bits, big_endian, padding):
    values = rng.integers(0, 2**bits, (HEIGHT, WIDTH)).tolist()
    rows = [b"".join(pack({"y": v}, "y", bits, big_endian) for v in row) for row in values]
    rgb = decode_image(message(encoding, rows, WIDTH, big_endian, padding))
    assert rgb.tolist() == [[[to_8_bit(v, bits)] * 3 for v in row] for row in values]


def test_16_bit_range_maps_onto_8_bit_range():
    rows = [struct.pack("<4H", 0, 257, 32896, 65535)]
    grey = decode_image(message("mono16", rows, 4))[0, :, 0]
    assert grey.tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_mosaics(pattern, bits, padding):
    """Each channel is a ramp of its own, which bilinear interpolation restores exactly."""
    height, width = 12, 16
    scale = 1 if bits == 8 else 257

    def scene(y, x):
        return {"r": 10 + 6 * x, "g": 200 - 8 * y, "b": 30 + 4 * x + 6 * y}

    big_endian = bits == 16
    rows = []
    for y in range(height):
        # The four letters name the pixels of the upper left 2x2 block, row by row.
        letters = [pattern[2 * (y % 2) + x % 2] for x in range(width)]
        values = [scale * scene(y, x)[letter] for x, letter in enumerate(letters)]
        rows.append(b"".join(pack({"v": v}, "v", bits, big_endian) for v in values))
    rgb = decode_image(message(f"bayer_{pattern}{bits}", rows, width, big_endian, padding))
    expected = [[list(scene(y, x).values()) for x in range(width)] for y in range(height)]
    assert rgb.shape == (height, width, 3)
    assert rgb[1:-1, 1:-1].tolist() == np.array(expected)[1:-1, 1:-1].tolist()


def bt601(y, u, v):
    """Convert limited-range YUV to RGB by the definition (ITU-R BT.601)."""
    luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    r = luma + 2 * (1 - 0.299) * red
    b = luma + 2 * (1 - 0.114) * blue
    g = (luma - 0.299 * r - 0.114 * b) / 0.587
    return [min(max(255 * value, 0), 255) for value in (r, g, b)]


@pytest.fixture
def luma(rng):
    return rng.integers(16, 236, (HEIGHT, WIDTH))


def chroma(rng, height, width):
    return rng.integers(16, 241, (2, height, width))


def assert_close(rgb, expected):
    assert rgb.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(rgb - np.array(expected)).max() <= 1.5


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize(
    ("encoding", "luma_first"),
    [("uyvy", False), ("yuv422", False), ("yuyv", True), ("yuv422_yuy2", True)],
)
def test_yuv_4_2_2(rng, luma, encoding, luma_first, padding):
    u, v = chroma(rng, HEIGHT, WIDTH // 2)
    rows, expected = [], []
    for y in range(HEIGHT):
        row = []
        for x in range(WIDTH // 2):
            first, second = luma[y, 2 * x], luma[y, 2 * x + 1]
            pair = [first, u[y, x], second, v[y, x]]
            row += pair if luma_first else [pair[1], pair[0], pair[3], pair[2]]
        rows.append(bytes(int(value) for value in row))
        expected.append([bt601(luma[y, x], u[y, x // 2], v[y, x // 2]) for x in range(WIDTH)])
    assert_close(decode_image(message(encoding, rows, WIDTH, padding=padding)), expected)


@pytest.mark.parametrize("padding", [0, 6])
def test_nv21(rng, luma, padding):
    u, v = chroma(rng, HEIGHT // 2, WIDTH // 2)
    rows = [bytes(row) for row in luma.tolist()]
    for y in range(HEIGHT // 2):
        rows.append(bytes(int(c[y, x]) for x in range(WIDTH // 2) for c in (v, u)))
    expected = [
        [bt601(luma[y, x], u[y // 2, x // 2], v[y // 2, x // 2]) for x in range(WIDTH)]
        for y in range(HEIGHT)
    ]
    image = message("nv21", rows, WIDTH, padding=padding)
    image.height = HEIGHT
    assert_close(decode_image(image), expected)


@pytest.mark.parametrize("padding", [0, 6])
def test_nv24(rng, luma, padding):
    u, v = chroma(rng, HEIGHT, WIDTH)
    data = b"".join(bytes(row) + b"\xa5" * padding for row in luma.tolist())
    for y in range(HEIGHT):
        pairs = bytes(int(c[y, x]) for x in range(WIDTH) for c in (u, v))
        data += pairs + b"\xa5" * (2 * padding)
    expected = [[bt601(luma[y, x], u[y, x], v[y, x]) for x in range(WIDTH)] for y in range(HEIGHT)]
    image = SimpleNamespace(
        height=HEIGHT,
        width=WIDTH,
        encoding="nv24",
        is_bigendian=0,
        step=WIDTH + padding,
        data=array.array("B", data),
    )
    assert_close(decode_image(image), expected)


def test_last_row_may_lack_its_padding():
    image = message("mono8", [b"\x01\x02", b"\x03\x04"], 2, padding=3)
    image.data = image.data[:-3]
    assert decode_image(image)[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("container", [bytes, bytearray, lambda d: np.frombuffer(d, np.uint8)])
def test_result_is_independent_of_the_message(container):
    image = message("rgb8", [bytes(range(6))], 2)
    image.data = container(bytes(image.data))
    rgb = decode_image(image)
    rgb[:] = 0
    assert bytes(image.data) == bytes(range(6))


def test_messages_of_the_rosbags_library():
    typesys = pytest.importorskip("rosbags.typesys")
    types = typesys.get_typestore(typesys.Stores.ROS2_JAZZY).types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](1, 2), "camera")
    data = np.arange(12, dtype=np.uint8)
    image = types["sensor_msgs/msg/Image"](header, 2, 2, "bgr8", 0, 6, data)
    assert decode_image(image).tolist() == [[[2, 1, 0], [5, 4, 3]], [[8, 7, 6], [11, 10, 9]]]


VALID = {"height": 4, "width": 6, "encoding": "bgr8", "is_bigendian": 0, "step": 18}
BAD = [
    ({"height": 0}, "empty"),
    ({"width": 0}, "empty"),
    ({"height": 0, "width": 0, "step": 0, "data": b""}, "empty"),
    ({"height": -4}, "empty"),
    ({"width": -6}, "empty"),
    ({"height": 2**31}, "limit"),
    ({"width": 2**31}, "limit"),
    ({"height": 2**32 - 1, "width": 2**32 - 1}, "limit"),
    ({"height": 5}, "90 are due"),
    ({"width": 7}, "shorter than a row"),
    ({"step": 17}, "shorter than a row"),
    ({"step": 0}, "shorter than a row"),
    ({"step": -18}, "shorter than a row"),
    ({"step": 2**32 - 1}, "are due"),
    ({"data": bytes(71)}, "71 bytes of data where 72 are due"),
    ({"data": b""}, "0 bytes of data"),
    ({"encoding": "mono8", "height": 2**13, "width": 2**13 + 1, "step": 2**14}, "limit"),
    ({"encoding": "uyvy", "width": 5}, "odd width"),
    ({"encoding": "nv21", "width": 6, "height": 3}, "even"),
    ({"encoding": "nv21", "width": 18, "height": 4}, "are due"),
    ({"encoding": "nv24", "width": 18, "height": 4}, "are due"),
    ({"encoding": "bayer_rggb8", "height": 2}, "too small"),
]


@pytest.mark.parametrize(("change", "reason"), BAD)
def test_contradictory_fields_are_refused(change, reason):
    image = SimpleNamespace(**{**VALID, "data": bytes(72), **change})
    with pytest.raises(OpenSetError, match=reason) as error:
        decode_image(image)
    assert "\n" not in str(error.value)
    assert ": " in str(error.value), "the remedy follows a colon"


@pytest.mark.parametrize("encoding", ["foo", "", "32FC1", "TYPE_40FC1", "x\ny" * 1000])
def test_unknown_encodings_are_named(monkeypatch, encoding):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    image = SimpleNamespace(**{**VALID, "data": bytes(72), "encoding": encoding})
    with pytest.raises(OpenSetError, match="install cv_bridge") as error:
        decode_image(image)
    assert repr(encoding[:40]) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 700


def test_lying_fields_cost_no_memory(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    huge = 2**31
    tracemalloc.start()
    for encoding in ("mono8", "bgr8", "bayer_rggb16", "uyvy", "nv21", "nv24", "foo"):
        for fields in ({"height": huge}, {"width": huge, "step": huge}, {"step": huge}):
            image = SimpleNamespace(**{**VALID, "data": bytes(72), "encoding": encoding, **fields})
            with pytest.raises(OpenSetError):
                decode_image(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_random_fields_never_raise_anything_else(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    encodings = [encoding for encoding, *_ in COLOURS]
    encodings += ["mono8", "mono16", "bayer_gbrg8", "bayer_grbg16", "uyvy", "nv21", "nv24", "foo"]
    decoded = 0
    for _ in range(2000):
        image = SimpleNamespace(
            height=int(rng.integers(0, 12)),
            width=int(rng.integers(0, 12)),
            encoding=str(rng.choice(encodings)),
            is_bigendian=int(rng.integers(0, 2)),
            step=int(rng.integers(0, 60)),
            data=rng.bytes(int(rng.integers(0, 600))),
        )
        try:
            rgb = decode_image(image)
        except OpenSetError:
            continue
        decoded += 1
        assert rgb.shape == (image.height, image.width, 3)
        assert rgb.dtype == np.uint8
    assert decoded > 100


@pytest.mark.parametrize(
    ("encoding", "channels"),
    [
        ("bgr8", (3,)),
        ("rgb8", (3,)),
        ("bgra8", (4,)),
        ("mono8", ()),
        ("bayer_rggb8", ()),
        ("bayer_bggr8", ()),
        ("bayer_gbrg8", ()),
    ],
)
def test_agrees_with_cv_bridge(rng, encoding, channels):
    bridge = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed").CvBridge()
    messages = pytest.importorskip("sensor_msgs.msg", reason="ROS 2 is not installed")
    headers = pytest.importorskip("std_msgs.msg", reason="ROS 2 is not installed")
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, *channels)).astype(np.uint8)
    image = image_message(messages.Image, pixels, encoding, headers.Header())
    np.testing.assert_array_equal(decode_image(image), bridge.imgmsg_to_cv2(image, "rgb8"))


def test_what_cv_bridge_refuses_is_named():
    pytest.importorskip("cv_bridge", reason="cv_bridge is not installed")
    messages = pytest.importorskip("sensor_msgs.msg", reason="ROS 2 is not installed")
    image = messages.Image(**{**VALID, "encoding": "mystery8", "data": bytes(72)})
    with pytest.raises(OpenSetError, match="'mystery8' cannot be converted"):
        decode_image(image)


def compressed(data, text="rgb8; jpeg compressed bgr8"):
    return SimpleNamespace(format=text, data=array.array("B", data))


def encode(extension, pixels, *options):
    return cv2.imencode(extension, pixels, options)[1].tobytes()


@pytest.fixture
def rgb(rng):
    """A smooth picture, which JPEG keeps well."""
    small = rng.integers(0, 256, (3, 4, 3)).astype(np.uint8)
    return cv2.resize(small, (64, 48), interpolation=cv2.INTER_LINEAR)


def test_png_is_decoded_exactly(rgb):
    png = encode(".png", rgb[..., ::-1])
    np.testing.assert_array_equal(decode_compressed(compressed(png)), rgb)


def test_jpeg_is_decoded_closely(rgb):
    jpeg = encode(".jpg", rgb[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 98)
    decoded = decode_compressed(compressed(jpeg))
    assert decoded.shape == rgb.shape
    assert np.abs(decoded.astype(int) - rgb).mean() < 2


def test_padding_after_the_file_is_allowed(rgb):
    png = encode(".png", rgb[..., ::-1]) + bytes(100)
    np.testing.assert_array_equal(decode_compressed(compressed(png)), rgb)


def test_grey_alpha_and_16_bit_files(rgb):
    grey = rgb[..., 0]
    decoded = decode_compressed(compressed(encode(".png", grey)))
    np.testing.assert_array_equal(decoded, np.dstack([grey] * 3))
    transparent = np.dstack([rgb[..., ::-1], grey])
    np.testing.assert_array_equal(decode_compressed(compressed(encode(".png", transparent))), rgb)
    deep = rgb[..., ::-1].astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_compressed(compressed(encode(".png", deep))), rgb)


def test_exif_rotation_is_ignored(rgb):
    jpeg = encode(".jpg", rgb[..., ::-1])
    rotated = turned(jpeg, 6)  # by 90 degrees
    assert cv2.imdecode(np.frombuffer(rotated, np.uint8), cv2.IMREAD_COLOR).shape == (64, 48, 3)
    np.testing.assert_array_equal(
        decode_compressed(compressed(rotated)), decode_compressed(compressed(jpeg))
    )


def test_compressed_bayer_mosaic():
    letters = [["r", "g"], ["g", "b"]]
    colour = {"r": 200, "g": 120, "b": 40}
    mosaic = np.uint8([[colour[letters[y % 2][x % 2]] for x in range(8)] for y in range(8)])
    png = compressed(encode(".png", mosaic), "bayer_rggb8; png compressed ")
    assert (decode_compressed(png) == [200, 120, 40]).all()


def bomb_png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(50)


def bomb_jpeg(width, height):
    frame = struct.pack(">HHBHHB", 0xFFC0, 17, 8, height, width, 3)
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + bytes(2) + frame + bytes(50)


@pytest.mark.parametrize("data", [bomb_png(2**16, 2**16), bomb_jpeg(65535, 65535)])
def test_bombs_are_refused_by_their_header(data):
    assert MAX_PIXELS < 65535 * 65535
    with pytest.raises(OpenSetError, match=f"limit of {MAX_PIXELS} pixels"):
        decode_compressed(compressed(data))


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_truncated_files_are_refused(rgb, extension):
    data = encode(extension, rgb)
    for length in (0, 1, 2, 5, 20, len(data) // 2, len(data) - 1):
        with pytest.raises(OpenSetError) as error:
            decode_compressed(compressed(data[:length]))
        assert f"compressed image of {length} bytes" in str(error.value)


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(100), bytes(1000), b"\xff\xd8" + b"\xff" * 99])
def test_other_files_are_refused(data):
    with pytest.raises(OpenSetError, match="neither JPEG, PNG, WebP, BMP nor TIFF"):
        decode_compressed(compressed(data))


@pytest.mark.parametrize(
    "text", ["h264", "zstd", "16UC1; compressedDepth rvl", "16UC1; compressedDepth png"]
)
def test_other_formats_are_refused_by_their_name(rgb, text):
    """A depth image begins with twelve bytes of its own, whatever follows."""
    data = bytes(12) + encode(".png", rgb)
    with pytest.raises(OpenSetError, match=f"with the format '{text}' is neither"):
        decode_compressed(compressed(data, text))


@pytest.mark.parametrize("text", ["", "rgb8; jpeg compressed bgr8", "webp"])
@pytest.mark.parametrize(
    ("extension", "options"),
    [
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
        (".bmp", ()),
        (".tiff", ()),
        (".tiff", (cv2.IMWRITE_TIFF_COMPRESSION, 1)),
    ],
)
def test_other_lossless_files_are_decoded_exactly(rgb, extension, options, text):
    """What a file is, its bytes say."""
    for more in (b"", b"\0\1tail"):
        file = encode(extension, rgb[..., ::-1], *options) + more
        np.testing.assert_array_equal(decode_compressed(compressed(file, text)), rgb)


def test_deep_and_grey_tiff_files(rgb):
    deep = rgb[..., ::-1].astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_compressed(compressed(encode(".tiff", deep))), rgb)
    grey = rgb[..., 0]
    decoded = decode_compressed(compressed(encode(".tiff", grey)))
    np.testing.assert_array_equal(decoded, np.dstack([grey] * 3))
    with pytest.raises(OpenSetError, match="nor TIFF of 8 or 16 bits"):
        decode_compressed(compressed(encode(".tiff", grey.astype(np.float32))))


@pytest.mark.parametrize(
    "tail", [b"\0" * 9, b"\r\n", b"\xff" * 4, b"\x01\x02\x03", b"Camera 7", b"\xff\xd8\xff\xe0\0"]
)
def test_a_jpeg_may_have_any_bytes_behind_its_end(rgb, tail):
    for options in ((), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)):
        jpeg = encode(".jpg", rgb, *options)
        np.testing.assert_array_equal(
            decode_compressed(compressed(jpeg + tail)), decode_compressed(compressed(jpeg))
        )
        with pytest.raises(OpenSetError, match="a JPEG file, is damaged"):
            decode_compressed(compressed(jpeg[:-2] + tail))


def test_a_thumbnail_is_not_the_end_of_a_jpeg(rgb):
    """Its end marker lies in a segment, before the picture; cut behind it, the file is refused."""
    jpeg, thumbnail = encode(".jpg", rgb), encode(".jpg", rgb[::8, ::8])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = jpeg[:2] + segment + jpeg[2:]
    np.testing.assert_array_equal(
        decode_compressed(compressed(whole)), decode_compressed(compressed(jpeg))
    )
    with pytest.raises(OpenSetError, match="a JPEG file, is damaged"):
        decode_compressed(compressed(whole[: len(whole) // 2 + len(segment) // 2]))


def test_a_tiff_whose_directory_comes_first_is_refused_where_its_pixels_are_cut():
    pixels = bytes(range(200))
    values = {256: 20, 257: 10, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 10, 279: 200}
    values[273] = 8 + 2 + 12 * len(values) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
    file = b"II*\0" + struct.pack("<IH", 8, len(values)) + entries + bytes(4) + pixels
    grey = np.frombuffer(pixels, np.uint8).reshape(10, 20)
    decoded = decode_compressed(compressed(file))
    np.testing.assert_array_equal(decoded, np.dstack([grey] * 3))
    for cut in (1, 100, 199):
        with pytest.raises(OpenSetError, match="a TIFF file, is damaged"):
            decode_compressed(compressed(file[:-cut]))


def test_damaged_files_raise_nothing_else(rng, rgb):
    for extension in (".png", ".jpg", ".webp", ".bmp", ".tiff"):
        data = encode(extension, rgb)
        for _ in range(200):
            damaged = bytearray(data)
            for position in rng.integers(0, len(data), 8):
                damaged[position] = rng.integers(0, 256)
            with contextlib.suppress(OpenSetError):
                assert decode_compressed(compressed(bytes(damaged))).dtype == np.uint8


def test_maps_keep_their_ids():
    ids = message("mono8", [[0, 1, 255], [7, 8, 9]], 3, padding=2)
    assert decode_map(ids).tolist() == [[0, 1, 255], [7, 8, 9]]
    ids.encoding = "rgb8"
    with pytest.raises(OpenSetError, match="mono8"):
        decode_map(ids)


@pytest.mark.parametrize("big_endian", [False, True])
def test_scores_keep_their_values(big_endian):
    values = [0.0, 0.1, 1e-20, 1.0]
    rows = [struct.pack(f"{'>' if big_endian else '<'}4f", *values)]
    scores = decode_float(message("32FC1", rows, 4, big_endian, padding=4))
    assert scores.dtype == np.float32
    assert scores.tolist() == [np.float32(values).tolist()]
    with pytest.raises(OpenSetError, match="32FC1"):
        decode_float(message("mono8", rows, 16))


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_in_metres_and_in_millimetres(big_endian, padding):
    order = ">" if big_endian else "<"
    metres = [0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1.25]
    depth = decode_depth(
        message("32FC1", [struct.pack(f"{order}6f", *metres)], 6, big_endian, padding)
    )
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, [[np.nan] * 5 + [1.25]])
    rows = [struct.pack(f"{order}3H", *row) for row in ((0, 1, 1250), (256, 65535, 0))]
    depth = decode_depth(message("16UC1", rows, 3, big_endian, padding))
    assert depth.dtype == np.float32
    expected = np.float32([[np.nan, 0.001, 1.25], [0.256, 65.535, np.nan]])
    np.testing.assert_array_equal(depth, expected)


def test_depth_has_one_of_two_encodings():
    with pytest.raises(OpenSetError, match="depth has the encoding 32FC1 or 16UC1"):
        decode_depth(message("mono16", [b"\0\0"], 1))


class PlainImage:
    """A message class without ROS."""


@pytest.mark.parametrize(
    ("encoding", "dtype", "channels", "decode"),
    [
        ("mono8", np.uint8, (), decode_map),
        ("32FC1", np.float32, (), decode_float),
        ("rgb8", np.uint8, (3,), decode_image),
    ],
)
def test_messages_round_trip(rng, encoding, dtype, channels, decode):
    pixels = (rng.random((HEIGHT, WIDTH, *channels)) * 255).astype(dtype)
    sliced = np.asfortranarray(pixels)
    image = image_message(PlainImage, sliced, encoding, header="the header")
    assert (image.header, image.encoding) == ("the header", encoding)
    assert (image.height, image.width, image.is_bigendian) == (HEIGHT, WIDTH, 0)
    assert image.step == WIDTH * pixels[0, 0].nbytes
    assert isinstance(image.data, array.array)
    assert bytes(image.data) == pixels.tobytes()
    np.testing.assert_array_equal(decode(image), pixels)


def test_pixels_must_fit_the_encoding():
    with pytest.raises(ValueError, match="does not fit"):
        image_message(PlainImage, np.zeros((2, 2), np.float64), "32FC1", None)
    with pytest.raises(ValueError, match="does not fit"):
        image_message(PlainImage, np.zeros((2, 2), np.uint8), "rgb8", None)
