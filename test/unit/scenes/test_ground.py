from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.scenes.canvas import PAVEMENT, ROAD, TREE, Canvas
from ldn_openset_ros.scenes.ground import Ground, dash_cover
from ldn_openset_ros.scenes.street import draw_street


@pytest.fixture(scope="module")
def street():
    drawn = draw_street(np.random.default_rng(0))
    return replace(drawn, kerb=4.0, front=6.0, green=True, crossing_period=0.0)


@pytest.fixture(scope="module")
def ground(street):
    return Ground(np.random.default_rng(1), street)


def test_the_cover_of_dashes_is_exact():
    along = np.array((1.0, 5.0, 0.0, 11.5))
    assert dash_cover(along, np.full(4, 1e-3), 10.0, 4.0).tolist() == pytest.approx([1, 0, 0.5, 1])
    # A window of many periods sees the painted share of the road.
    assert dash_cover(np.array([77.0]), np.array([200.0]), 10.0, 4.0) == pytest.approx(0.4)
    # Half of the window 3..5 is painted.
    assert dash_cover(np.array([4.0]), np.array([2.0]), 10.0, 4.0) == pytest.approx(0.5)


def test_labels_follow_the_cross_section(ground):
    across = np.array([[-7.0, -5.0, -3.9, 0.0, 3.9, 4.1, 6.1]])
    expected = [TREE, PAVEMENT, ROAD, ROAD, ROAD, PAVEMENT, TREE]
    assert ground.labels(across).tolist() == [expected]


def test_the_road_in_the_picture_ends_at_the_kerb(ground, view, light):
    canvas = Canvas(160, 120)
    ground.paint(canvas, view, light, np.zeros((120, 160), np.uint8))
    row = 119
    _, distance = view.ground_rows()
    half = 4.0 / distance[-1] * 200
    columns = np.flatnonzero(canvas.labels[row] == ROAD)
    expected = (max(0, 79.5 - half), min(159, 79.5 + half))
    assert (columns[0], columns[-1]) == pytest.approx(expected, abs=1)


def test_shadow_takes_its_share_of_the_light(ground, view, light):
    pictures = []
    for shade in (0, 128):
        canvas = Canvas(160, 120)
        ground.paint(canvas, view, light, np.full((120, 160), shade, np.uint8))
        pictures.append(canvas.rgba[80:, :, :3].astype(float).mean())
    assert pictures[1] / pictures[0] == pytest.approx(1 - 128 / 255, abs=0.02)
