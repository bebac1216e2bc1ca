"""The segmentation and the outlier head."""

from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.nn.heads import Heads


@torch.inference_mode()
def test_both_heads_see_the_same_features(randomise, norm_relu_conv_reference):
    heads = randomise(Heads(6, num_classes=4))
    features = torch.randn(2, 6, 3, 5, generator=torch.Generator().manual_seed(0))

    logits = heads(features)

    assert logits.segmentation.shape == (2, 4, 3, 5)
    assert logits.outlier.shape == (2, 2, 3, 5)
    for given, head in zip(logits, (heads.segmentation, heads.outlier), strict=True):
        expected = norm_relu_conv_reference(features, head.norm, head.conv)
        torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5)


def test_without_outlier_head():
    heads = Heads(6, num_classes=4, outlier_head=False)

    assert heads(torch.zeros(1, 6, 2, 2)).outlier is None
    assert not any(name.startswith("outlier") for name in heads.state_dict())


@pytest.mark.parametrize(("head", "classes"), [("segmentation", 200), ("outlier", 2)])
def test_heads_start_from_xavier(head, classes):
    torch.manual_seed(0)
    conv = getattr(Heads(4096, num_classes=200), head).conv

    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (4096 + classes)), rel=0.05)
    assert conv.bias.abs().max() == 0
