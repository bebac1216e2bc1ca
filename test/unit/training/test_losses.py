from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import NetworkOutput
from ldn_openset_ros.training.losses import (
    pixel_cross_entropy,
    soft_cross_entropy,
    soft_targets,
    two_head_loss,
)
from ldn_openset_ros.training.settings import LossSettings


def test_soft_target_of_a_window_is_its_class_distribution():
    # A 4x4 map in 2x2 windows: (0 0 / 0 1), (all 1), (1 ignored), (2 of 4 ignored).
    target = torch.tensor(
        [[[0, 0, 1, 1], [0, 1, 1, 1], [255, 0, 255, 2], [2, 2, 255, 2]]], dtype=torch.int64
    )
    distribution, valid = soft_targets(target, 3, 2)
    assert distribution[0, :, 0, 0].tolist() == pytest.approx([0.75, 0.25, 0])
    assert distribution[0, :, 0, 1].tolist() == pytest.approx([0, 1, 0])
    assert distribution[0, :, 1, 0].tolist() == pytest.approx([1 / 3, 0, 2 / 3])
    assert valid.tolist() == [[[True, True], [True, False]]]


def test_soft_cross_entropy_by_hand():
    target = torch.tensor([[[0, 0, 1, 1], [0, 1, 1, 255]]], dtype=torch.int64)
    logits = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]]).view(1, 2, 1, 2)
    # Left: distribution (3/4, 1/4) against (1/2, 1/2); right: (0, 1) against (3/4, 1/4).
    expected = (math.log(2) + math.log(4)) / 2
    assert soft_cross_entropy(logits, target).item() == pytest.approx(expected)


def test_pixel_cross_entropy_is_a_mean_over_valid_pixels():
    logits = torch.tensor([[0.0, 0.0, 5.0], [0.0, math.log(3), -5.0]]).view(1, 2, 1, 3)
    target = torch.tensor([[[0, 1, 255]]])
    expected = (math.log(2) + math.log(4 / 3)) / 2
    assert pixel_cross_entropy(logits, target).item() == pytest.approx(expected)


def test_two_head_loss_by_hand():
    # Uniform logits everywhere: every class part is log 3, every outlier part log 2.
    labels = torch.zeros(1, 32, 32, dtype=torch.int64)
    outlier = torch.zeros(1, 32, 32, dtype=torch.int64)
    main = HeadLogits(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 8))
    auxiliary = tuple(
        HeadLogits(torch.zeros(1, 3, n, n), torch.zeros(1, 2, n, n)) for n in (1, 2, 4)
    )
    parts = two_head_loss(NetworkOutput(main, auxiliary), labels, outlier, LossSettings())
    class_part, outlier_part = math.log(3), math.log(2)
    assert parts.segmentation.item() == pytest.approx(class_part)
    assert parts.outlier.item() == pytest.approx(outlier_part)
    assert parts.auxiliary.item() == pytest.approx(class_part + 0.2 * outlier_part)
    expected = 0.6 * class_part + 0.2 * 0.6 * outlier_part + 0.4 * parts.auxiliary.item()
    assert parts.total.item() == pytest.approx(expected)


def test_negatives_alone_leave_the_class_part_zero_and_its_gradient_finite():
    labels = torch.full((1, 32, 32), 255)
    outlier = torch.ones(1, 32, 32, dtype=torch.int64)
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    main = HeadLogits(logits, torch.zeros(1, 2, 8, 8))
    auxiliary = (HeadLogits(torch.zeros(1, 3, 1, 1), torch.zeros(1, 2, 1, 1)),)
    parts = two_head_loss(NetworkOutput(main, auxiliary), labels, outlier, LossSettings())
    assert parts.segmentation.item() == 0
    assert parts.outlier.item() == pytest.approx(math.log(2))
    parts.total.backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_outlier_pixels_never_touch_the_class_loss():
    labels = torch.tensor([[[0, 255]]])
    logits = torch.zeros(1, 2, 1, 2)
    before = pixel_cross_entropy(logits, labels)
    logits[..., 1] = 100
    assert pixel_cross_entropy(logits, labels) == before


def test_crops_that_are_no_multiple_of_the_stride_are_refused():
    with pytest.raises(ValueError, match="multiples of 32"):
        soft_cross_entropy(torch.zeros(1, 2, 4, 4), torch.zeros(1, 96, 100, dtype=torch.int64))
