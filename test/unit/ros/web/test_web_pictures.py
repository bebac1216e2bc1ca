"""Maps become JPEG files of the right size and colours."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.legend import legend
from ldn_openset_ros.inference.overlay import heat_map
from ldn_openset_ros.ros.images import image_message
from ldn_openset_ros.ros.web.pictures import VIEWS, jpeg, palette_of
from ldn_openset_ros.taxonomy import OUTLIER_COLOUR, load_taxonomy

HEIGHT, WIDTH = 32, 64


@pytest.fixture
def camvid():
    return load_taxonomy("camvid")


def message(pixels, encoding):
    return image_message(SimpleNamespace, pixels, encoding, None)


def decoded(data):
    assert data[:2] == b"\xff\xd8"
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def halves(left, right, dtype=np.uint8):
    """Return a picture whose halves, of whole JPEG blocks, have one value each."""
    picture = np.empty((HEIGHT, WIDTH, *np.shape(left)), dtype)
    picture[:, : WIDTH // 2], picture[:, WIDTH // 2 :] = left, right
    return picture


def assert_halves(rgb, left, right):
    height, width = rgb.shape[:2]
    for colour, column in ((left, width // 4), (right, 3 * width // 4)):
        assert np.abs(rgb[height // 2, column].astype(int) - colour).max() <= 4


def test_the_overlay_is_shown_as_it_is():
    pixels = halves((200, 30, 40), (20, 90, 220))
    rgb = decoded(jpeg(message(pixels, "rgb8"), "overlay", None, 1280, 95))
    assert rgb.shape == (HEIGHT, WIDTH, 3)
    assert_halves(rgb, (200, 30, 40), (20, 90, 220))


def test_probabilities_become_a_heat_map():
    pixels = halves(0.25, 1.0, np.float32)
    rgb = decoded(jpeg(message(pixels, "32FC1"), "outlier_probability", None, 1280, 95))
    low, high = heat_map(np.float32([[0.25, 1.0]]))[0]
    assert_halves(rgb, low, high)
    assert high.sum() > 600 > low.sum()


def test_the_open_set_map_has_the_colours_of_the_legend(camvid):
    pixels = halves(3, camvid.outlier_id)
    rgb = decoded(jpeg(message(pixels, "mono8"), "open_set", legend(camvid), 1280, 95))
    assert_halves(rgb, camvid.classes[3].colour, OUTLIER_COLOUR)


def test_the_legends_palette_is_the_taxonomys(camvid):
    np.testing.assert_array_equal(palette_of(legend(camvid)), camvid.palette())


def test_without_a_legend_ids_have_no_colours():
    with pytest.raises(OpenSetError, match="the legend has not arrived"):
        jpeg(message(halves(1, 2), "mono8"), "open_set", None, 1280, 80)


@pytest.mark.parametrize("view", VIEWS)
def test_wide_pictures_are_reduced_and_narrow_ones_are_not_enlarged(camvid, view):
    pixels, encoding = {
        "overlay": (halves((200, 30, 40), (20, 90, 220)), "rgb8"),
        "outlier_probability": (halves(0.0, 1.0, np.float32), "32FC1"),
        "open_set": (halves(1, 5), "mono8"),
    }[view]
    sizes = [
        decoded(jpeg(message(pixels, encoding), view, legend(camvid), width, 95)).shape[:2]
        for width in (32, 64, 4000)
    ]
    assert sizes == [(16, 32), (HEIGHT, WIDTH), (HEIGHT, WIDTH)]


def test_ids_are_not_averaged_when_the_map_is_reduced(camvid):
    pixels = halves(0, 10)
    rgb = decoded(jpeg(message(pixels, "mono8"), "open_set", legend(camvid), 32, 100))
    assert_halves(rgb, camvid.classes[0].colour, camvid.classes[10].colour)


def test_better_quality_takes_more_bytes_and_comes_closer():
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    poor, good = (jpeg(message(pixels, "rgb8"), "overlay", None, 1280, q) for q in (10, 95))
    assert len(poor) < len(good) / 2
    errors = [np.abs(decoded(data).astype(int) - pixels).mean() for data in (poor, good)]
    assert errors[1] < errors[0]


def test_a_broken_message_is_one_line():
    broken = message(halves(0.0, 1.0, np.float32), "32FC1")
    broken.data = broken.data[:100]
    with pytest.raises(OpenSetError, match="100 bytes of data where"):
        jpeg(broken, "outlier_probability", None, 1280, 80)
