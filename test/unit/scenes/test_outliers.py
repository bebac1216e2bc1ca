import numpy as np
import pytest

from ldn_openset_ros.scenes.outliers import STANDING, WALKING

KINDS = {**WALKING, **STANDING}


@pytest.mark.parametrize("kind", KINDS)
def test_each_stands_on_the_ground_and_has_a_real_size(kind):
    mesh = KINDS[kind](np.random.default_rng(4), 0.0)
    low, high = mesh.extent()
    assert low[1] == pytest.approx(0, abs=0.15)
    size = high - low
    assert 0.4 < size[1] < 4.0
    assert 0.4 < max(size[0], size[2]) < 5.0
    assert np.isfinite(mesh.corners).all()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_look_equal(kind):
    first, second = (KINDS[kind](np.random.default_rng(5), 0.25) for _ in range(2))
    assert np.array_equal(first.corners, second.corners)
    assert np.array_equal(first.albedo, second.albedo)


@pytest.mark.parametrize("kind", WALKING)
def test_walking_moves_the_legs_and_not_the_body(kind):
    still, later = (WALKING[kind](np.random.default_rng(6), phase) for phase in (0.0, 0.3))
    moved = np.abs(still.corners - later.corners).max((1, 2))
    assert moved.max() > 0.02
    assert (moved == 0).mean() > 0.4


def test_there_are_at_least_six_kinds():
    assert len(KINDS) >= 6
    assert not set(WALKING) & set(STANDING)
