from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import NetworkOutput
from ldn_openset_ros.recognition.module import Truth
from ldn_openset_ros.recognition.registry import RecognitionSettings, build_recognition
from ldn_openset_ros.training.losses import compound_loss, in_float32
from ldn_openset_ros.training.settings import LossSettings

TWO_HEADS = build_recognition(RecognitionSettings("two_heads"))


def test_two_head_loss_by_hand():
    # Uniform logits everywhere: every class part is log 3, every outlier part log 2.
    truth = Truth(*torch.zeros(2, 1, 32, 32, dtype=torch.int64))
    main = HeadLogits(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 8))
    auxiliary = tuple(
        HeadLogits(torch.zeros(1, 3, n, n), torch.zeros(1, 2, n, n)) for n in (1, 2, 4)
    )
    parts = compound_loss(NetworkOutput(main, auxiliary), truth, TWO_HEADS, LossSettings())
    class_part, outlier_part = math.log(3), math.log(2)
    assert parts.segmentation.item() == pytest.approx(class_part)
    assert parts.outlier.item() == pytest.approx(outlier_part)
    assert parts.auxiliary.item() == pytest.approx(class_part + 0.2 * outlier_part)
    expected = 0.6 * class_part + 0.2 * 0.6 * outlier_part + 0.4 * parts.auxiliary.item()
    assert parts.total.item() == pytest.approx(expected)


def test_negatives_alone_leave_the_class_part_zero_and_its_gradient_finite():
    truth = Truth(torch.full((1, 32, 32), 255), torch.ones(1, 32, 32, dtype=torch.int64))
    logits = torch.randn(1, 3, 8, 8, requires_grad=True)
    main = HeadLogits(logits, torch.zeros(1, 2, 8, 8))
    auxiliary = (HeadLogits(torch.zeros(1, 3, 1, 1), torch.zeros(1, 2, 1, 1)),)
    parts = compound_loss(NetworkOutput(main, auxiliary), truth, TWO_HEADS, LossSettings())
    assert parts.segmentation.item() == 0
    assert parts.outlier.item() == pytest.approx(math.log(2))
    parts.total.backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_optional_terms_are_added_by_their_weights():
    truth = Truth(torch.full((1, 32, 32), 255), torch.ones(1, 32, 32, dtype=torch.int64))
    truth.labels[:, 16:], truth.outlier[:, 16:] = 0, 0
    output = NetworkOutput(HeadLogits(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 8)), ())
    plain = compound_loss(output, truth, TWO_HEADS, LossSettings())
    settings = LossSettings(density=0.5, jaccard=2.0)
    extended = compound_loss(output, truth, TWO_HEADS, settings)
    assert (extended.outlier - plain.outlier).item() == pytest.approx(0.5 * math.log(1 + 3))
    # Class 0 everywhere with probability 1/3: intersection over union is 1/3.
    assert (extended.segmentation - plain.segmentation).item() == pytest.approx(2 * 2 / 3)
    assert extended.auxiliary.item() == 0


def test_sixteen_bit_logits_are_averaged_in_float32():
    """65536 pixels are more than a float16 counts to (65504)."""
    truth = Truth(*torch.zeros(2, 1, 256, 256, dtype=torch.int64))
    main = HeadLogits(torch.zeros(1, 3, 64, 64).half(), torch.zeros(1, 2, 64, 64).half())
    output = in_float32(NetworkOutput(main, (main,)))
    parts = compound_loss(output, truth, TWO_HEADS, LossSettings())
    assert parts.segmentation.dtype == torch.float32
    assert parts.segmentation.item() == pytest.approx(math.log(3))
    assert parts.outlier.item() == pytest.approx(math.log(2))
    assert parts.auxiliary.item() == pytest.approx(math.log(3) + 0.2 * math.log(2))


def test_a_head_that_is_not_there_stays_so_in_float32():
    logits = HeadLogits(None, torch.zeros(1, 2, 1, 1).bfloat16())
    output = in_float32(NetworkOutput(logits, ()))
    assert output.main.segmentation is None
    assert output.main.outlier.dtype == torch.float32
    assert output.auxiliary == ()
