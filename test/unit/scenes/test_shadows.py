from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.scenes.canvas import CAR
from ldn_openset_ros.scenes.items import Solid
from ldn_openset_ros.scenes.mesh import box
from ldn_openset_ros.scenes.shadows import Shadows


def sunny(light, direction):
    sun = np.array(direction) / np.linalg.norm(direction)
    return replace(light, sun=sun, sun_colour=np.ones(3), sky_colour=np.full(3, 0.3))


def shade_at(shade, view, x, s):
    column, row = view.project(np.array([[x, 0.0, s]]))[0][0]
    return int(shade[round(row), round(column)])


@pytest.mark.parametrize("side", [-1, 1])
def test_a_shadow_falls_away_from_the_sun(view, light, side):
    post = Solid(box((0.0, 1.0, 10.0), (0.6, 2.0, 0.6), (9, 9, 9)), CAR)
    shade = Shadows(sunny(light, (side, 1.0, 0.0))).map(view, [post])
    assert shade_at(shade, view, -side * 1.2, 10.0) > 100
    assert shade_at(shade, view, side * 1.2, 10.0) == 0
    assert shade_at(shade, view, -side * 3.0, 10.0) == 0  # 2 m high at 45 degrees


def test_without_sun_there_is_gloom_beneath_alone(view, light):
    car = Solid(box((0.0, 1.0, 10.0), (2.0, 2.0, 2.0), (9, 9, 9)), CAR)
    shade = Shadows(light).map(view, [car])
    assert shade_at(shade, view, 0.0, 10.0) > 60
    assert shade_at(shade, view, 1.6, 10.0) == 0


def test_what_floats_touches_nothing(view, light):
    plate = Solid(box((0.0, 3.0, 10.0), (1.0, 1.0, 0.1), (9, 9, 9)), CAR)
    assert not Shadows(light).map(view, [plate]).any()
