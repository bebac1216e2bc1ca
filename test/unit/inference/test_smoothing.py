from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from ldn_openset_ros.inference.smoothing import gaussian_kernel, smooth


def test_sigma_one_gives_the_seven_taps_of_the_literature():
    kernel = gaussian_kernel(1.0)
    assert len(kernel) == 7
    assert kernel.sum().item() == pytest.approx(1)
    assert (kernel[3] / kernel[2]).item() == pytest.approx(2.718281828**0.5)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_equals_scipy(sigma):
    torch.manual_seed(0)
    score = torch.rand(30, 41)
    expected = gaussian_filter(score.double().numpy(), sigma, mode="nearest", truncate=3.0)
    assert abs(smooth(score, sigma).numpy() - expected).max() < 1e-5


def test_sigma_zero_changes_nothing():
    score = torch.rand(3, 3)
    assert smooth(score, 0.0) is score
