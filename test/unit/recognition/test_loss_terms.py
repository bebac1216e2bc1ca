from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.recognition.loss_terms import (
    cross_entropy,
    density_term,
    hinted_cross_entropy,
    mean_over_inliers,
    one_versus_all,
    outliers_as_class,
    soft_jaccard,
    soft_targets,
    uniform_cross_entropy,
)

LOG_2, LOG_3, LOG_4 = math.log(2), math.log(3), math.log(4)


def row(*pixels: int) -> torch.Tensor:
    """Return a target of one row."""
    return torch.tensor(pixels).view(1, 1, -1)


def test_soft_target_of_a_window_is_its_class_distribution():
    # A 4x4 map in 2x2 windows: (0 0 / 0 1), (all 1), (1 ignored), (2 of 4 ignored).
    target = torch.tensor([[[0, 0, 1, 1], [0, 1, 1, 1], [255, 0, 255, 2], [2, 2, 255, 2]]])
    distribution, valid = soft_targets(target, 3, 2)
    assert distribution[0, :, 0, 0].tolist() == pytest.approx([0.75, 0.25, 0])
    assert distribution[0, :, 0, 1].tolist() == pytest.approx([0, 1, 0])
    assert distribution[0, :, 1, 0].tolist() == pytest.approx([1 / 3, 0, 2 / 3])
    assert valid.tolist() == [[[True, True], [True, False]]]


def test_coarse_cross_entropy_by_hand():
    target = torch.tensor([[[0, 0, 1, 1], [0, 1, 1, 255]]])
    logits = torch.tensor([[0.0, LOG_3], [0.0, 0.0]]).view(1, 2, 1, 2)
    # Left: distribution (3/4, 1/4) against (1/2, 1/2); right: (0, 1) against (3/4, 1/4).
    assert cross_entropy(logits, target).item() == pytest.approx((LOG_2 + LOG_4) / 2)


def test_pixel_cross_entropy_is_a_mean_over_valid_pixels():
    logits = torch.tensor([[0.0, 0.0, 5.0], [0.0, LOG_3, -5.0]]).view(1, 2, 1, 3)
    expected = (LOG_2 + math.log(4 / 3)) / 2
    assert cross_entropy(logits, row(0, 1, 255)).item() == pytest.approx(expected)


def test_pixel_cross_entropy_equals_torchs():
    torch.manual_seed(0)
    logits, target = torch.randn(2, 5, 6, 7), torch.randint(0, 5, (2, 6, 7))
    target[0, :2] = 255
    expected = torch.nn.functional.cross_entropy(logits, target, ignore_index=255)
    assert cross_entropy(logits, target).item() == pytest.approx(expected.item(), abs=1e-6)


def test_without_a_pixel_that_counts_a_term_is_zero_and_so_is_its_gradient():
    logits = torch.randn(1, 3, 1, 2, requires_grad=True)
    nothing = row(255, 255)
    terms = (
        cross_entropy(logits, nothing),
        uniform_cross_entropy(logits, nothing),
        one_versus_all(logits, nothing, nothing),
        density_term(logits, nothing),
        soft_jaccard(logits, nothing),
    )
    assert [term.item() for term in terms] == [0] * 5
    sum(terms).backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_outlier_pixels_never_touch_the_class_loss():
    logits = torch.zeros(1, 2, 1, 2)
    before = cross_entropy(logits, row(0, 255))
    logits[..., 1] = 100
    assert cross_entropy(logits, row(0, 255)) == before


def test_uniform_cross_entropy_looks_at_negatives_alone():
    # Inlier: anything. Outliers: uniform (log 2), and (3/4, 1/4).
    logits = torch.tensor([[9.0, 0.0, LOG_3], [0.0, 0.0, 0.0]]).view(1, 2, 1, 3)
    expected = (LOG_2 + (math.log(4 / 3) + LOG_4) / 2) / 2
    assert uniform_cross_entropy(logits, row(0, 1, 1)).item() == pytest.approx(expected)
    # In windows of 2 pixels, of which the first holds one outlier pixel, the second two.
    logits = torch.tensor([[0.0, LOG_3], [0.0, 0.0]]).view(1, 2, 1, 2)
    outlier = torch.tensor([[[0, 1, 1, 1], [0, 1, 1, 1]]])
    expected = (0.5 * LOG_2 + (math.log(4 / 3) + LOG_4) / 2) / 1.5
    assert uniform_cross_entropy(logits, outlier).item() == pytest.approx(expected)


def test_one_versus_all_by_hand():
    # Class 0 (both logits right), an outlier (no class), an ignored pixel.
    logits = torch.tensor([[LOG_3, LOG_3, 7.0], [-LOG_3, 0.0, 7.0]]).view(1, 2, 1, 3)
    known = math.log(4 / 3) + math.log(4 / 3)
    negative = math.log(4) + math.log(2)
    loss = one_versus_all(logits, row(0, 255, 255), row(0, 1, 255))
    assert loss.item() == pytest.approx((known + negative) / 2)


def test_hints_are_given_to_every_second_picture():
    logits = torch.zeros(2, 2, 1, 1)
    confidence = torch.full((2, 1, 1), 0.5)
    labels = torch.zeros(2, 1, 1, dtype=torch.int64)
    # First picture: 0.5 * 0.5 + 0.5 = 0.75; second without a hint: 0.5.
    expected = (-math.log(0.75) + LOG_2) / 2
    assert hinted_cross_entropy(logits, confidence, labels).item() == pytest.approx(expected)


def test_mean_over_inliers_leaves_ignored_positions_out():
    values = torch.tensor([1.0, 2.0, 9.0]).view(1, 1, 3)
    assert mean_over_inliers(values, row(4, 0, 255)).item() == pytest.approx(1.5)


def test_soft_jaccard_of_a_sure_prediction_is_one_minus_iou():
    # Truth 0 0 1 1, prediction 0 1 1 1: IoU 1/2 and 2/3; the fifth pixel is ignored.
    logits = 200 * torch.tensor([[1.0, 0, 0, 0, 1], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]])
    loss = soft_jaccard(logits.view(1, 3, 1, 5), row(0, 0, 1, 1, 255))
    assert loss.item() == pytest.approx(1 - (1 / 2 + 2 / 3) / 2)


def test_density_term_is_softplus_of_log_sum_exp_in_negatives():
    logits = torch.tensor([[0.0, 5.0], [math.log(2), 5.0]]).view(1, 2, 1, 2)
    assert density_term(logits, row(1, 0)).item() == pytest.approx(math.log(1 + 3))


def test_outliers_become_one_more_class():
    assert outliers_as_class(row(2, 255, 255), row(0, 1, 255), 3).tolist() == [[[2, 3, 255]]]


def test_crops_that_are_no_multiple_of_the_stride_are_refused():
    with pytest.raises(ValueError, match="multiples of 32"):
        cross_entropy(torch.zeros(1, 2, 4, 4), torch.zeros(1, 96, 100, dtype=torch.int64))
