"""Heads: their presence and initialisation; test_equivalence.py has their values."""

from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.nn.heads import Heads


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
