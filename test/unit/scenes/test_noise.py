import numpy as np
import pytest

from ldn_openset_ros.scenes.noise import fractal_noise


def test_it_has_mean_zero_and_deviation_one():
    noise = fractal_noise(np.random.default_rng(0), (64, 128), (4, 8))
    assert noise.shape == (64, 128)
    assert noise.dtype == np.float32
    assert float(noise.mean()) == pytest.approx(0, abs=1e-5)
    assert float(noise.std()) == pytest.approx(1, abs=1e-4)


def test_it_continues_across_its_borders():
    noise = fractal_noise(np.random.default_rng(1), (128, 128), (4, 4), octaves=3)
    steps = np.abs(np.diff(noise, axis=0)).mean(1)
    assert np.abs(noise[0] - noise[-1]).mean() < 1.2 * steps.max()
    steps = np.abs(np.diff(noise, axis=1)).mean(0)
    assert np.abs(noise[:, 0] - noise[:, -1]).mean() < 1.2 * steps.max()


def test_equal_seeds_give_equal_noise():
    first, second, other = (
        fractal_noise(np.random.default_rng(seed), (32, 32), (4, 4)) for seed in (2, 2, 3)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
