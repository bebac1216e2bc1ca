from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from ldn_openset_ros.inference.smoothing import (
    gaussian_kernel,
    near_boundary,
    smooth,
    suppress_boundaries,
)


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


def test_infinite_log_odds_do_not_spread():
    score = torch.zeros(9, 9)
    score[4, 4] = torch.inf
    assert smooth(score, 1.0).max().item() == pytest.approx(50 * 0.3991**2, rel=0.01)


def test_dilated_taps_lie_apart():
    score = torch.zeros(41, 41)
    score[20, 20] = 1.0
    spread = smooth(score, 1.0, dilation=6)
    assert torch.nonzero(spread[20]).flatten().tolist() == [2, 8, 14, 20, 26, 32, 38]
    assert spread.sum().item() == pytest.approx(1, abs=1e-6)


def test_near_boundary_is_a_square_around_every_class_change():
    labels = torch.zeros(3, 8, dtype=torch.uint8)
    labels[:, 4:] = 7
    near = [False, False, False, True, True, False, False, False]
    assert near_boundary(labels, 1).tolist() == [near] * 3
    assert near_boundary(labels, 2)[0].tolist() == [False, False, *[True] * 4, False, False]


def test_boundary_scores_are_replaced_by_those_beside_them():
    labels = torch.zeros(5, 10, dtype=torch.uint8)
    labels[:, 5:] = 1
    score = torch.full((5, 10), 2.0)
    score[:, 5:] = 4.0
    score[:, 4:6] = 100.0
    suppressed = suppress_boundaries(score, labels, 2)
    assert suppressed[2].tolist() == [2.0] * 5 + [4.0] * 5


def test_a_map_that_is_all_boundary_keeps_its_scores():
    labels = torch.tensor([[0, 1]], dtype=torch.uint8)
    score = torch.tensor([[1.0, 3.0]])
    assert torch.equal(suppress_boundaries(score, labels, 3), score)
