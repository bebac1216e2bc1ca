from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.inference.overlay import blend_overlay, colourise, heat_map
from ldn_openset_ros.inference.panel import CAPTION_HEIGHT, side_by_side
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.taxonomy import OUTLIER_COLOUR, load_taxonomy

TAXONOMY = load_taxonomy("camvid")


def test_colours_are_the_taxonomys():
    ids = np.array([[0, 3, 11, 255]], np.uint8)
    assert colourise(ids, TAXONOMY).tolist() == [
        [[128, 200, 240], [128, 64, 128], list(OUTLIER_COLOUR), [0, 0, 0]]
    ]


def test_overlay_blends_class_colours_by_opacity():
    rgb = np.full((8, 8, 3), 100, np.uint8)
    road = np.full((8, 8), 3, np.uint8)
    assert np.array_equal(blend_overlay(rgb, road, TAXONOMY, 0.0), rgb)
    assert blend_overlay(rgb, road, TAXONOMY, 0.5)[0, 0].tolist() == [114, 82, 114]
    assert blend_overlay(rgb, road, TAXONOMY, 1.0)[0, 0].tolist() == [128, 64, 128]


def test_outliers_are_marked_even_where_class_colours_are_off():
    rgb = np.full((30, 30, 3), 100, np.uint8)
    open_set = np.full((30, 30), 3, np.uint8)
    open_set[5:25, 5:25] = 11
    overlay = blend_overlay(rgb, open_set, TAXONOMY, 0.0)
    assert tuple(overlay[5, 5]) == OUTLIER_COLOUR
    assert overlay[15, 15].tolist() == [178, 50, 160]
    assert overlay[0, 0].tolist() == [100, 100, 100]
    assert (rgb == 100).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1)])
def test_the_smallest_frames_are_marked_too(shape):
    """One pixel, or four, is what OpenCV takes for a number."""
    rgb = np.full((*shape, 3), 100, np.uint8)
    for known, colour in ((11, OUTLIER_COLOUR), (3, (100, 100, 100))):
        assert (blend_overlay(rgb, np.full(shape, known, np.uint8), TAXONOMY, 0) == colour).all()


def test_heat_grows_with_the_score():
    brightness = heat_map(np.linspace(0, 1, 5, dtype=np.float32)[None]).astype(int).sum(2)[0]
    assert (np.diff(brightness) > 0).all()


def test_panel_shows_four_maps():
    rgb = np.full((40, 60, 3), 9, np.uint8)
    ids = np.full((40, 60), 3, np.uint8)
    panel = side_by_side(rgb, Prediction(ids, np.zeros((40, 60), np.float32), ids), TAXONOMY)
    assert panel.shape == (2 * (40 + CAPTION_HEIGHT), 120, 3)
    assert panel[CAPTION_HEIGHT + 5, 5].tolist() == [9, 9, 9]
    assert panel[CAPTION_HEIGHT + 5, 65].tolist() == [128, 64, 128]
