"""Image messages to NumPy arrays and back.

No ROS is imported: a message is anything with the attributes of `sensor_msgs/Image` or
`sensor_msgs/CompressedImage`, be it rclpy's or one of the `rosbags` library. Nothing in a message
is trusted: whatever its fields say, only memory in proportion to its data is touched, and what
cannot be decoded ends in an OpenSetError of one line.
"""

from __future__ import annotations

import array
import contextlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from ldn_openset_ros.data.picture_format import is_whole, read_header
from ldn_openset_ros.errors import OpenSetError

MAX_PIXELS = 2**25
"""Larger frames are refused; a compressed one before it is decoded, by the size in its header."""

_U8, _U16, _F32 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)

# Encoding: type and channels of a pixel as it lies in a row. Packed YUV 4:2:2 has luma and one of
# the two chroma values in each pixel.
_PACKED: dict[str, tuple[np.dtype, int]] = {
    "mono8": (_U8, 1),
    "8UC1": (_U8, 1),
    "mono16": (_U16, 1),
    "16UC1": (_U16, 1),
    "32FC1": (_F32, 1),
    "rgb8": (_U8, 3),
    "bgr8": (_U8, 3),
    "8UC3": (_U8, 3),
    "rgba8": (_U8, 4),
    "bgra8": (_U8, 4),
    "8UC4": (_U8, 4),
    "rgb16": (_U16, 3),
    "bgr16": (_U16, 3),
    "16UC3": (_U16, 3),
    "rgba16": (_U16, 4),
    "bgra16": (_U16, 4),
    "16UC4": (_U16, 4),
    "bayer_rggb8": (_U8, 1),
    "bayer_bggr8": (_U8, 1),
    "bayer_gbrg8": (_U8, 1),
    "bayer_grbg8": (_U8, 1),
    "bayer_rggb16": (_U16, 1),
    "bayer_bggr16": (_U16, 1),
    "bayer_gbrg16": (_U16, 1),
    "bayer_grbg16": (_U16, 1),
    "uyvy": (_U8, 2),
    "yuv422": (_U8, 2),
    "yuyv": (_U8, 2),
    "yuv422_yuy2": (_U8, 2),
}


def decode_image(message: Any) -> np.ndarray:
    """Return a raw image message as uint8 RGB (H, W, 3), in memory of its own.

    Row padding (`step`) and byte order are honoured. 16-bit values are scaled from 0..65535 to
    0..255, Bayer mosaics interpolated bilinearly, YUV read as BT.601 of limited range (which is
    what `yuv422` cameras and OpenCV mean by it), and the `8UC3`/`8UC4` family taken for BGR, as
    cv_bridge does. Encodings that are unknown here are left to cv_bridge where it is installed.

    Raises OpenSetError where the encoding is unknown or the fields contradict the data.
    """
    encoding = message.encoding
    if encoding in _TO_RGB:
        return _TO_RGB[encoding](_pixels(message, *_PACKED[encoding]))
    if encoding in _PLANAR_TO_RGB:
        return _PLANAR_TO_RGB[encoding](message)
    return _decode_with_cv_bridge(message)


def decode_compressed(message: Any) -> np.ndarray:
    """Return a compressed image message as uint8 RGB (H, W, 3).

    JPEG, PNG, WebP, BMP and TIFF are told by their bytes, whatever `format` says. The picture
    keeps the sensor's orientation: EXIF rotation is ignored. A grey picture whose `format` names
    a Bayer encoding (as compressed_image_transport writes it) is a mosaic and is interpolated.

    Raises OpenSetError for any other or a damaged file, and for more than MAX_PIXELS pixels.
    """
    data = bytes(message.data)
    file_format = str(message.format)
    header = read_header(data)
    if header is None:
        raise OpenSetError(
            f"compressed image of {len(data)} bytes with the format {file_format[:40]!r} is "
            "neither JPEG, PNG, WebP, BMP nor TIFF of 8 or 16 bits, or is damaged: have the "
            "camera publish jpeg or png"
        )
    _check_size(header.height, header.width)
    size, picture = (header.height, header.width), None
    if is_whole(data, header):
        with contextlib.suppress(cv2.error):
            picture = cv2.imdecode(np.frombuffer(data, _U8), cv2.IMREAD_UNCHANGED)
    if (
        picture is None
        or picture.dtype not in (_U8, _U16)
        or picture.shape not in (size, (*size, 3), (*size, 4))
    ):
        raise OpenSetError(
            f"compressed image of {len(data)} bytes, a {header.format} file, is damaged: check "
            "the link to the camera"
        )
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    depth = 8 * picture.itemsize
    encoding = {1: "mono", 3: "bgr", 4: "bgra"}[channels] + str(depth)
    original = file_format.split(";")[0].strip()
    if channels == 1 and original in (f"bayer_{mosaic}{depth}" for mosaic in _MOSAICS):
        encoding = original
    return _TO_RGB[encoding](picture)


def decode_map(message: Any) -> np.ndarray:
    """Return a map of ids (`mono8` or `8UC1`) as uint8 (H, W), in memory of its own."""
    if message.encoding not in ("mono8", "8UC1"):
        raise OpenSetError(f"{_describe(message)}: a map of ids has the encoding mono8")
    return _pixels(message, _U8, 1).copy()


def decode_float(message: Any) -> np.ndarray:
    """Return a `32FC1` image message as float32 (H, W), in memory of its own."""
    if message.encoding != "32FC1":
        raise OpenSetError(f"{_describe(message)}: a map of scores has the encoding 32FC1")
    return _pixels(message, _F32, 1).copy()


def decode_depth(message: Any) -> np.ndarray:
    """Return a depth image (REP-118) as float32 (H, W), metres; NaN where none was measured.

    `32FC1` holds metres (NaN, infinite or not above 0: none), `16UC1` millimetres (0: none).
    """
    if message.encoding not in ("32FC1", "16UC1"):
        raise OpenSetError(f"{_describe(message)}: depth has the encoding 32FC1 or 16UC1")
    unit = 1 if message.encoding == "32FC1" else 1000
    depth = _pixels(message, _PACKED[message.encoding][0], 1) / np.float32(unit)
    depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    return depth


def image_message(
    message_class: Callable[[], Any], pixels: np.ndarray, encoding: str, header: Any
) -> Any:
    """Build an image message (`message_class` is rclpy's) from an array, with `header` as it is.

    pixels: (H, W) or (H, W, channels), of the encoding's type; rows are packed without padding.
    """
    dtype, channels = _PACKED[encoding]
    shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    if pixels.dtype != dtype or len(shape) != 3 or shape[2] != channels:
        raise ValueError(f"{pixels.dtype} {pixels.shape} does not fit {encoding}")
    message = message_class()
    message.header = header
    message.height, message.width = shape[:2]
    message.encoding = encoding
    message.is_bigendian = 0
    message.step = shape[1] * channels * dtype.itemsize
    # Bytes and lists are checked item by item in rclpy's setter; an array.array is taken over.
    message.data = array.array("B")
    little_endian = np.ascontiguousarray(pixels, dtype.newbyteorder("<"))
    message.data.frombytes(memoryview(little_endian).cast("B"))
    return message


def _describe(message: Any) -> str:
    return f"{message.width}x{message.height} image with the encoding {message.encoding[:40]!r}"


def _check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise OpenSetError(f"image of {width}x{height} pixels is empty: check the camera driver")
    if height * width > MAX_PIXELS:
        raise OpenSetError(
            f"image of {width}x{height} pixels is over the limit of {MAX_PIXELS} pixels: "
            "have the camera publish a smaller one"
        )


def _plane(
    message: Any, rows: int, row_shape: tuple[int, ...], dtype: np.dtype, step: int, start: int = 0
) -> np.ndarray:
    """View `rows` rows of message data, `step` bytes apart, as (rows, *row_shape) of `dtype`."""
    row_bytes = int(np.prod(row_shape)) * dtype.itemsize
    if step < row_bytes:
        raise OpenSetError(
            f"{_describe(message)}: its step of {message.step} bytes is shorter than a row "
            f"({row_bytes} bytes): check the camera driver"
        )
    data = np.frombuffer(message.data, _U8)
    needed = start + (rows - 1) * step + row_bytes
    if data.size < needed:
        raise OpenSetError(
            f"{_describe(message)}: {data.size} bytes of data where {needed} are due: "
            "check the camera driver and the link to it"
        )
    inner = np.empty(row_shape, np.bool_).strides
    strides = (step, *(stride * dtype.itemsize for stride in inner))
    return np.ndarray((rows, *row_shape), dtype, data, start, strides)


def _pixels(message: Any, dtype: np.dtype, channels: int) -> np.ndarray:
    """View the pixels as (H, W) or (H, W, channels), in native byte order."""
    _check_size(message.height, message.width)
    row_shape = (message.width,) if channels == 1 else (message.width, channels)
    stored = dtype.newbyteorder(">" if message.is_bigendian else "<")
    plane = _plane(message, message.height, row_shape, stored, message.step)
    # OpenCV takes padded rows as they are, but neither odd strides nor foreign byte order.
    return np.require(plane, dtype, ["ALIGNED"])


def _to_8_bit(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == _U8 else cv2.convertScaleAbs(pixels, alpha=255 / 65535)


def _from_colour(code: int | None) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: _to_8_bit(pixels.copy() if code is None else cv2.cvtColor(pixels, code))


def _from_grey(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(_to_8_bit(pixels), cv2.COLOR_GRAY2RGB)


def _from_mosaic(code: int) -> Callable[[np.ndarray], np.ndarray]:
    def convert(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape
        if min(height, width) < 3:
            raise OpenSetError(
                f"Bayer image of {width}x{height} pixels is too small to interpolate: "
                "have the camera publish at least 3x3"
            )
        return _to_8_bit(cv2.cvtColor(pixels, code))

    return convert


def _from_yuv422(code: int) -> Callable[[np.ndarray], np.ndarray]:
    def convert(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        if width % 2:
            raise OpenSetError(
                f"YUV 4:2:2 image of {width}x{height} pixels has an odd width: "
                "check the camera driver"
            )
        return cv2.cvtColor(pixels, code)

    return convert


def _from_nv21(message: Any) -> np.ndarray:
    """Convert luma, then V and U interleaved at half the resolution, both `step` bytes a row."""
    height, width = message.height, message.width
    _check_size(height, width)
    if height % 2 or width % 2:
        raise OpenSetError(f"{_describe(message)}: height and width must be even")
    planes = _plane(message, height * 3 // 2, (width,), _U8, message.step)
    return cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_NV21)


def _from_nv24(message: Any) -> np.ndarray:
    """Convert luma, then U and V interleaved at full resolution in rows of twice the step."""
    height, width, step = message.height, message.width, message.step
    _check_size(height, width)
    luma = _plane(message, height, (width,), _U8, step)
    chroma = _plane(message, height, (width, 2), _U8, 2 * step, start=height * step)
    # BT.601, limited range: columns are Y, U, V and the constant.
    matrix = np.float64([[1.164, 0, 1.596], [1.164, -0.391, -0.813], [1.164, 2.018, 0]])
    constant = -matrix @ (16, 128, 128)
    return cv2.transform(np.dstack((luma, chroma)), np.column_stack((matrix, constant)))


def _decode_with_cv_bridge(message: Any) -> np.ndarray:
    _plane(message, max(message.height, 1), (max(message.width, 1),), _U8, message.step)
    _check_size(message.height, message.width)
    unknown = (
        f"{_describe(message)} cannot be converted: have the camera publish one of "
        f"{', '.join((*_TO_RGB, *_PLANAR_TO_RGB))}"
    )
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError) as error:  # AttributeError: built for another NumPy
        raise OpenSetError(f"{unknown}, or install cv_bridge") from error
    try:
        return np.ascontiguousarray(CvBridge().imgmsg_to_cv2(message, "rgb8"))
    except Exception as error:  # its own errors, OpenCV's, KeyError: nothing is documented
        raise OpenSetError(unknown) from error


# OpenCV names a mosaic by the second and third pixel of its second row, ROS by the first two
# pixels of its first two rows: RGGB there is BG here.
_MOSAICS = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}

_TO_RGB: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys(("rgb8", "rgb16"), _from_colour(None)),
    **dict.fromkeys(("rgba8", "rgba16"), _from_colour(cv2.COLOR_RGBA2RGB)),
    **dict.fromkeys(("bgr8", "bgr16", "8UC3", "16UC3"), _from_colour(cv2.COLOR_BGR2RGB)),
    **dict.fromkeys(("bgra8", "bgra16", "8UC4", "16UC4"), _from_colour(cv2.COLOR_BGRA2RGB)),
    **dict.fromkeys(("mono8", "8UC1", "mono16", "16UC1"), _from_grey),
    **{f"bayer_{m}{bits}": _from_mosaic(c) for m, c in _MOSAICS.items() for bits in (8, 16)},
    **dict.fromkeys(("uyvy", "yuv422"), _from_yuv422(cv2.COLOR_YUV2RGB_UYVY)),
    **dict.fromkeys(("yuyv", "yuv422_yuy2"), _from_yuv422(cv2.COLOR_YUV2RGB_YUY2)),
}

_PLANAR_TO_RGB: dict[str, Callable[[Any], np.ndarray]] = {
    "nv21": _from_nv21,
    "nv24": _from_nv24,
}
