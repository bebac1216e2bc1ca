import numpy as np
import pytest

from ldn_openset_ros.data.sample import PinholeCamera
from ldn_openset_ros.scenes.camera import Bend, View

CAMERA = PinholeCamera(640, 360, 500.0, 500.0, 319.5, 179.5)


def test_a_ground_point_lies_where_the_pinhole_puts_it():
    view = View(CAMERA, x=-1.5, height=1.5, s=100.0)
    pixels, depth = view.project(np.array([[0.5, 0.0, 120.0]]))
    assert depth[0] == pytest.approx(20)
    # 2 m to the right and 1.5 m below the camera, 20 m ahead.
    assert pixels[0] == pytest.approx((319.5 + 500 * 2 / 20, 179.5 + 500 * 1.5 / 20))


def test_a_camera_that_looks_down_sees_the_horizon_higher():
    view = View(CAMERA, x=0.0, height=1.5, s=0.0, pitch=np.radians(5))
    assert view.horizon == pytest.approx(179.5 - 500 * np.tan(np.radians(5)))
    far, _ = view.project(np.array([[0.0, 0.0, 1e5]]))
    assert far[0, 1] == pytest.approx(view.horizon, abs=0.02)


@pytest.mark.parametrize("pitch", [0.0, 0.06, -0.03])
def test_ground_rows_and_columns_invert_the_projection(pitch):
    bend = Bend((2.5,), (400.0,), (0.7,))
    view = View(CAMERA, x=1.7, height=1.4, s=250.0, pitch=pitch, bend=bend)
    first, distance = view.ground_rows()
    assert first == pytest.approx(view.horizon, abs=1.1)
    assert (np.diff(distance) < 0).all()
    across = view.ground_columns(distance)
    for row, column in ((first + 30, 40), (300, 320), (359, 639)):
        point = (across[row - first, column], 0.0, view.s + distance[row - first])
        pixels, _ = view.project(np.array([point]))
        assert pixels[0] == pytest.approx((column, row), abs=0.05)


def test_a_bend_moves_the_far_and_keeps_the_near():
    bend = Bend((3.0,), (400.0,), (np.pi / 2,))  # the crest of the wave: it turns to the left
    view = View(CAMERA, x=0.0, height=1.5, s=0.0, bend=bend)
    assert float(view.shift(0.0)) == pytest.approx(0)
    assert float(view.shift(100.0)) == pytest.approx(3 * (np.cos(np.pi / 2) - 1), abs=0.01)
    assert view.heading == pytest.approx(0, abs=1e-9)


def test_boxes_beside_and_behind_the_picture_are_left_out():
    view = View(CAMERA, x=0.0, height=1.5, s=50.0)
    places = np.array([[0.0, 0, 60], [30.0, 0, 60], [-30.0, 0, 60], [0.0, 0, 40]])
    seen = view.may_see(places - 0.5, places + 0.5)
    assert seen.tolist() == [True, False, False, False]
