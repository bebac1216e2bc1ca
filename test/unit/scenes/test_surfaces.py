import numpy as np
import pytest

from ldn_openset_ros.scenes.canvas import FENCE, SIGN, Canvas
from ldn_openset_ros.scenes.surfaces import Lamp, SurfaceBatch, Texture, cut_out, opaque

FACING = (0.0, 0.0, -1.0)
BOARD = np.array(((-1, 1.5, 10), (1, 1.5, 10), (1, 0.5, 10), (-1, 0.5, 10)), float)


def paint(view, light, corners, texture, label=SIGN):
    canvas = Canvas(160, 120)
    SurfaceBatch(view, corners[None]).paint(canvas, Lamp(light), 0, texture, label, FACING)
    return canvas


def test_a_texture_is_laid_with_its_left_on_the_left_and_its_top_on_top(view, light):
    colours = np.zeros((20, 40, 3))
    colours[:10, :20] = (100, 0, 0)
    colours[10:, 20:] = (0, 0, 100)
    canvas = paint(view, light, BOARD, opaque(colours))
    rows, columns = np.nonzero(canvas.labels == SIGN)
    assert (columns.min(), columns.max()) == (60, 99)
    assert (rows.min(), rows.max()) == (50, 69)
    # A vertical surface gets 0.82 of the diffuse light.
    assert canvas.rgba[54, 68, :3].tolist() == pytest.approx([82, 0, 0], abs=1)
    assert canvas.rgba[65, 92, :3].tolist() == pytest.approx([0, 0, 82], abs=1)
    assert canvas.rgba[54, 92, :3].max() == 0


def test_an_extent_decides_the_label_and_not_the_colour(view, light):
    texture = Texture(np.zeros((20, 40, 4), np.uint8), extent=np.full((20, 40), 255, np.uint8))
    canvas = paint(view, light, BOARD, texture, FENCE)
    assert (canvas.labels == FENCE).sum() == 800
    assert not canvas.rgba[..., :3].any()


def test_a_wall_past_the_camera_shows_the_part_that_lies_ahead(view, light):
    # From 10 m behind to 10 m ahead: the texture's last quarter begins 5 m ahead.
    wall = np.array(((2, 2, -10), (2, 2, 10), (2, 0, 10), (2, 0, -10)), float)
    colours = np.zeros((16, 160, 3))
    colours[:, 120:] = 200
    canvas = paint(view, light, wall, opaque(colours))
    ahead, behind = (79.5 + 200 * 2 / distance for distance in (7.5, 4.9))
    assert canvas.rgba[60, round(ahead), 0] > 120
    assert round(behind) > 159 or canvas.rgba[60, round(behind), 0] == 0
    assert (canvas.labels[60, round(79.5 + 200 * 2 / 10) + 1 :] == SIGN).all()


def test_far_textures_are_averaged_not_sampled(view, light):
    stripes = np.zeros((64, 256, 3))
    stripes[:, ::2] = 200
    far = BOARD + (0, 0, 90)
    canvas = paint(view, light, far, opaque(stripes))
    inside = canvas.rgba[59:61, 79:81, 0]
    assert np.abs(inside.astype(int) - 82).max() <= 4


def test_empty_pixels_of_a_cut_out_take_the_colour_of_the_others():
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    texture = cut_out(rgba)
    assert (texture.rgba[..., :3] == (10, 20, 30)).all()
    assert texture.rgba[..., 3].tolist() == [[255, 0], [0, 0]]
