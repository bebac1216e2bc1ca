from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.downsampling import downsample


def test_the_top_left_pixel_of_each_block_is_kept():
    pixels = np.arange(4 * 6, dtype=np.int32).reshape(4, 6)
    assert downsample(pixels, 2).tolist() == [[0, 2, 4], [12, 14, 16]]
    assert downsample(pixels, 3).tolist() == [[0, 3], [18, 21]]
    assert downsample(pixels, 1).tolist() == pixels.tolist()
    assert downsample(pixels, 10).tolist() == [[0]]


def test_channels_and_type_stay_and_the_original_is_free():
    pixels = np.random.default_rng(0).random((20, 30, 3), np.float32)
    coarse = downsample(pixels, 10)
    assert (coarse.shape, coarse.dtype) == ((2, 3, 3), np.float32)
    assert not np.shares_memory(coarse, pixels)


def test_nearest_neighbour_as_opencv_takes_it():
    pixels = np.random.default_rng(0).random((720, 1280), np.float32)
    expected = cv2.resize(pixels, (128, 72), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(downsample(pixels, 10), expected)


@pytest.mark.parametrize("factor", [0, -1])
def test_a_factor_is_one_or_more(factor):
    with pytest.raises(OpenSetError, match=f"downsampling by {factor}"):
        downsample(np.zeros((4, 4)), factor)
