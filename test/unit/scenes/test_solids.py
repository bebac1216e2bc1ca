from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.scenes.canvas import CAR, Canvas
from ldn_openset_ros.scenes.mesh import box, merge
from ldn_openset_ros.scenes.solids import SolidBatch

GRAIN = np.zeros((16, 16), np.float32)


def paint(view, light, *meshes):
    canvas = Canvas(160, 120)
    batch = SolidBatch(view, light, meshes)
    for number in range(len(meshes)):
        batch.paint(canvas, number, CAR + number, GRAIN, 0.0)
    return canvas


def test_a_box_covers_its_projection(view, light):
    canvas = paint(view, light, box((0.0, 1.0, 10.5), (2.0, 1.0, 1.0), (100, 100, 100)))
    rows, columns = np.nonzero(canvas.labels == CAR)
    # Its near face, 2 m by 1 m, lies 10 m away about the optical axis: 40 by 20 pixels.
    assert len(rows) == pytest.approx(800, abs=60)
    assert (columns.min(), columns.max()) == pytest.approx((60, 99), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((50, 69), abs=1)


def test_its_colour_is_albedo_times_light(view, light):
    dim = replace(light, sky_colour=np.full(3, 0.5))
    canvas = paint(view, dim, box((0.0, 1.0, 10.5), (2.0, 1.0, 1.0), (100, 60, 200)))
    # A vertical face gets 0.82 of the diffuse light.
    assert canvas.rgba[60, 80, :3].tolist() == pytest.approx([41, 24.6, 82], abs=1.5)


def test_haze_takes_over_with_distance(view, light):
    hazy = replace(light, visibility=10.0)
    canvas = paint(view, hazy, box((0.0, 1.0, 10.005), (2.0, 1.0, 0.01), (0, 0, 0)))
    expected = light.haze * (1 - np.exp(-1))
    assert canvas.rgba[60, 80, :3].tolist() == pytest.approx(expected.tolist(), abs=2)


def test_nearer_faces_hide_farther_ones_of_the_same_mesh(view, light):
    near = box((0.0, 1.0, 8.0), (1.0, 1.0, 0.5), (200, 0, 0))
    far = box((0.0, 1.0, 12.0), (1.0, 1.0, 0.5), (0, 200, 0))
    for mesh in (merge((near, far)), merge((far, near))):
        red, green, _ = paint(view, light, mesh).rgba[60, 80, :3]
        assert red > 100
        assert green == 0


def test_what_is_behind_the_camera_is_not_painted(view, light):
    canvas = paint(view, light, box((0.0, 1.0, -10.0), (2.0, 1.0, 1.0), (100, 100, 100)))
    assert not canvas.labels.any()
