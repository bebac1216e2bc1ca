"""Headers of picture files: size, wholeness and orientation, as OpenCV finds them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures_of_cameras import turned

from ldn_openset_ros.data.picture_format import exif_orientation, is_whole, read_header
from ldn_openset_ros.data.pictures import PICTURE_SUFFIXES, read_rgb
from ldn_openset_ros.errors import OpenSetError

FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WebP", "bmp": "BMP"}


def encoded(suffix, shape, options=()):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return cv2.imencode(suffix, picture, options)[1].tobytes()


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 300), (65, 48, 3), (9, 5, 4)])
def test_the_header_of_every_format_tells_the_size(suffix, shape):
    data = encoded(suffix, shape)
    header = read_header(data)
    assert header.format == FORMATS.get(suffix[1:], "TIFF")
    assert (header.height, header.width) == shape[:2]
    assert is_whole(data, header)
    assert read_header(data[:8]) is None


def test_a_bmp_may_be_stored_from_the_top_down():
    data = bytearray(encoded(".bmp", (4, 6, 3)))
    data[22:26] = (-4).to_bytes(4, "little", signed=True)
    assert (read_header(bytes(data)).height, read_header(bytes(data)).width) == (4, 6)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (4, 6, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_opencv(orientation):
    jpeg = encoded(".jpg", (8, 24, 3))
    data = turned(jpeg, orientation)
    assert exif_orientation(data) == orientation
    shape = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert shape == ((8, 24) if orientation < 5 else (24, 8))


def test_files_without_a_usable_orientation_are_upright():
    jpeg = encoded(".jpg", (8, 24, 3))
    for data in (b"", jpeg, turned(jpeg, 0), turned(jpeg, 9), encoded(".png", (2, 2)), jpeg[:9]):
        assert exif_orientation(data) == 1
    for length in range(len(turned(jpeg, 6))):
        assert exif_orientation(turned(jpeg, 6)[:length]) in (1, 6)


def test_a_picture_file_that_is_cut_off_is_refused(tmp_path):
    """OpenCV would fill the rest with grey."""
    jpeg, path = encoded(".jpg", (64, 64, 3)), tmp_path / "a.jpg"
    path.write_bytes(jpeg + b"any bytes of a camera")
    assert read_rgb(path).shape == (64, 64, 3)
    path.write_bytes(jpeg[: len(jpeg) // 2])
    with pytest.raises(OpenSetError, match=r"a\.jpg is no readable picture: replace the file"):
        read_rgb(path)
