"""Images that lie about themselves: each counts as bad, and the next good one is processed."""

from __future__ import annotations

import array
import os
import struct
import zlib

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import Bench, wait_for
from drill import HEIGHT, OUTPUTS, WIDTH, Drill, assert_maps, picture
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from ldn_openset_ros.ros.diagnostics import Outcome
from ldn_openset_ros.ros.images import image_message


@pytest.fixture(scope="module")
def drills(new_domain, tiny_model):
    """Return a function that gives the drill of a transport; one node serves all its images."""
    benches, drills = [], {}

    def drill(transport: str) -> Drill:
        if transport not in drills:
            benches.append(Bench(new_domain()))
            drills[transport] = Drill(benches[-1], tiny_model, image_transport=transport)
        return drills[transport]

    yield drill
    drills.clear()  # so that `close` can free their nodes
    for bench in benches:
        bench.close()


RAW = {
    "a row too few": ({"height": HEIGHT + 1}, "are due"),
    "a column too few": ({"width": WIDTH + 1}, "shorter than a row"),
    "2^31 rows": ({"height": 2**31}, "over the limit"),
    "2^31 columns": ({"width": 2**31}, "over the limit"),
    "2^32 - 1 of all": (dict.fromkeys(("height", "width", "step"), 2**32 - 1), "over the limit"),
    "no rows": ({"height": 0}, "is empty"),
    "no columns": ({"width": 0}, "is empty"),
    "no data": ({"data": array.array("B")}, "0 bytes of data"),
    "a byte short": ({"data": array.array("B", bytes(HEIGHT * WIDTH * 3 - 1))}, "18431 bytes"),
    "no step": ({"step": 0}, "step of 0 bytes is shorter than a row"),
    "a step of half a row": ({"step": WIDTH}, "shorter than a row"),
    "a step of 2^32 - 1": ({"step": 2**32 - 1}, "are due"),
    "no encoding": ({"encoding": ""}, "cannot be converted"),
    "an unknown encoding": ({"encoding": "mystery8"}, "'mystery8' cannot be converted"),
    "an encoding of a megabyte": ({"encoding": "x" * 2**20}, "cannot be converted"),
    "wider pixels than the data": ({"encoding": "rgba16"}, "shorter than a row"),
    "a mosaic without a colour": (
        {"encoding": "bayer_rggb8", "height": 1, "width": 1},
        "too small to interpolate",
    ),
    "YUV of odd width": ({"encoding": "uyvy", "width": 33}, "odd width"),
    "NV21 of odd height": ({"encoding": "nv21", "height": 33, "width": 64}, "must be even"),
    "NV24 without chroma": ({"encoding": "nv24", "height": 190, "width": 96}, "are due"),
}


@pytest.mark.parametrize("fault", RAW)
def test_a_raw_image_whose_fields_contradict_its_data(drills, fault):
    fields, reason = RAW[fault]
    drill = drills("raw")
    image = drill.bench.image(picture(0))
    for name, value in fields.items():
        setattr(image, name, value)
    drill.refuse(image, reason)
    drill.recover()


def test_an_image_of_floats_that_are_no_numbers(drills):
    """What floats mean as a picture is not defined: they are refused, NaN or not."""
    drill = drills("raw")
    for value in (np.nan, np.inf, 0.5):
        floats = np.full((HEIGHT, WIDTH), value, np.float32)
        image = image_message(Image, floats, "32FC1", drill.bench.header())
        drill.refuse(image, "'32FC1' cannot be converted")
    drill.recover()


def test_a_picture_too_long_and_narrow_for_the_network(drills):
    """A row of a million pixels would be a billion at the least height of 32 rows."""
    drill = drills("raw")
    row = np.zeros((1, 2**21), np.uint8)
    drill.refuse(image_message(Image, row, "mono8", drill.bench.header()), "over its limit of")
    drill.recover()


def test_bytes_that_are_no_image_message(drills):
    """The middleware drops them before they become a frame, and goes on."""
    drill = drills("raw")
    received = drill.values()["frames_received"]
    whole = serialize_message(drill.bench.image(picture(0)))
    length = whole.rfind(struct.pack("<I", HEIGHT * WIDTH * 3), 0, 200)
    for data in (
        b"",
        whole[:4],
        whole[:20],
        whole[:-100],
        whole[:length] + struct.pack("<I", 2**32 - 1) + whole[length + 4 :],
        os.urandom(300),
    ):
        drill.camera.publish(data)
    drill.recover()
    assert int(drill.values()["frames_received"]) - int(received) == 1


def test_an_encoding_that_is_no_text(drills):
    drill = drills("raw")
    data = serialize_message(drill.bench.image(picture(0))).replace(b"rgb8", b"\xff\xfe\xed8")
    bad = drill.count(Outcome.BAD)
    drill.camera.publish(data)
    wait_for(lambda: drill.count(Outcome.BAD) == bad + 1)
    drill.recover()


def jpeg(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", rgb)[1].tobytes()


def png(height: int, width: int) -> bytes:
    """Return a PNG file whose header claims that size over a few bytes of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def bmp(height: int, width: int) -> bytes:
    """Return a BMP file whose header claims that size over a few bytes of pixels."""
    return b"BM" + struct.pack("<IIIIiiHHI", 54, 0, 54, 40, width, height, 1, 24, 0) + bytes(99)


def encoded(suffix: str, rgb: np.ndarray, *options: int) -> bytes:
    """Return a picture file that keeps every pixel where the format can."""
    return cv2.imencode(suffix, rgb[..., ::-1], options)[1].tobytes()


WHOLE = jpeg(picture(0))
SIZE_AT = WHOLE.index(b"\xff\xc0") + 5
"""Where the frame header has its height and width."""


def resized(height: int, width: int) -> bytes:
    return WHOLE[:SIZE_AT] + struct.pack(">HH", height, width) + WHOLE[SIZE_AT + 4 :]


COMPRESSED = {
    "nothing": (b"", "neither JPEG"),
    "a JPEG's first marker": (b"\xff\xd8", "neither JPEG"),
    "half a JPEG": (WHOLE[: len(WHOLE) // 2], "is damaged"),
    "a JPEG without its end": (WHOLE[:-2], "is damaged"),
    "a JPEG of 65535x65535": (resized(65535, 65535), "over the limit"),
    "a JPEG of no rows": (resized(0, 96), "is empty"),
    "a JPEG of endless segments": (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 50_000, "neither JPEG"),
    "a JPEG of a segment over the end": (b"\xff\xd8\xff\xe0\xff\xff\xff\xd9", "neither JPEG"),
    "a PNG of 2^31 - 1 rows": (png(2**31 - 1, 96), "over the limit"),
    "a PNG without its pixels": (png(5000, 5000), "is damaged"),
    "a PNG's signature": (b"\x89PNG\r\n\x1a\n", "neither JPEG"),
    "a GIF": (b"GIF89a" + bytes(100), "neither JPEG"),
    "text": (b"nonsense" * 50, "neither JPEG"),
    "a BMP of 65535x65535": (bmp(65535, 65535), "over the limit"),
    "a BMP without its pixels": (bmp(5000, 5000), "is damaged"),
    "half a WebP": (encoded(".webp", picture(0))[:60], "is damaged"),
    "video": (b"\0\0\0\1\x67" + bytes(100), "with the format 'h264' is neither JPEG"),
}


@pytest.mark.parametrize("fault", COMPRESSED)
def test_a_compressed_image_with_a_hostile_or_damaged_file(drills, fault):
    data, reason = COMPRESSED[fault]
    drill = drills("compressed")
    message = compressed(drill, data, "h264" if fault == "video" else "jpeg")
    drill.refuse(message, reason)
    drill.recover()


def compressed(drill: Drill, data: bytes, text: str) -> CompressedImage:
    header = drill.bench.header()
    return CompressedImage(header=header, format=text, data=array.array("B", data))


@pytest.mark.parametrize(
    "file",
    [
        encoded(".webp", picture(0), cv2.IMWRITE_WEBP_QUALITY, 101),
        encoded(".bmp", picture(0)),
        encoded(".tiff", picture(0)),
        encoded(".png", picture(0)) + b"Camera 7",
    ],
    ids=["WebP", "BMP", "TIFF", "bytes behind the end"],
)
def test_a_compressed_image_in_an_unusual_file(drills, file):
    """What OpenCV decodes is processed, whatever the message says of its format."""
    drill = drills("compressed")
    drill.recover(compressed(drill, file, "jpeg"))


def test_a_jpeg_with_bytes_behind_its_end(drills):
    drill = drills("compressed")
    message = compressed(drill, WHOLE + b"\1\2\3Camera 7", "jpeg")
    drill.camera.publish(message)
    drill.answered(message.header)
    rgb = cv2.imdecode(np.frombuffer(WHOLE, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    maps = (drill.received[name][-1] for name in OUTPUTS)
    assert_maps(*maps, drill.predictor(np.ascontiguousarray(rgb)))
    drill.recover()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (1, 96), (64, 1), (2, 2)])
def test_the_smallest_images(drills, shape):
    """One pixel is a picture: all maps of it are published, the overlay too."""
    drill = drills("raw")
    overlays = drill.bench.subscribe_outputs("overlay")["overlay"]
    message = drill.bench.image(picture(0, *shape))
    drill.camera.publish(message)
    drill.answered(message.header)
    wait_for(lambda: any(m.header == message.header for m in overlays))
    assert (overlays[-1].height, overlays[-1].width) == shape
    drill.recover()
