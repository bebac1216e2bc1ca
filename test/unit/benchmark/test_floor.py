"""Multiply-adds that are known, and the rate of a real product."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ldn_openset_ros.benchmark.floor import Floor, multiply_add_rate, multiply_adds
from ldn_openset_ros.benchmark.model_network import random_model
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.heads import HeadLogits


class TwoConvolutions(nn.Module):
    """3 to 8 maps by 3x3 at stride 2, then depthwise 5x5 of the 8."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8)

    def forward(self, pixels):
        maps = self.depthwise(self.dense(pixels.permute(0, 3, 1, 2).float()))
        return HeadLogits(maps, None)


def test_multiply_adds_of_dense_and_grouped_convolutions():
    network = TwoConvolutions()
    outputs = 20 * 32
    expected = outputs * 8 * (3 * 3 * 3) + outputs * 8 * (5 * 5)
    assert multiply_adds(network, height=40, width=64) == expected
    assert network.dense.weight.device.type == "cpu"
    assert not network.dense._forward_hooks


def test_the_papers_network_takes_128_000_multiply_adds_a_pixel(tmp_path):
    network = PixelNetwork.read(random_model("ldn169", tmp_path))
    found = multiply_adds(network, height=512, width=1024)
    assert found / (512 * 1024) == pytest.approx(128_000, rel=0.001)


def test_the_floor_is_work_over_rate():
    assert Floor(multiply_adds=3_000_000, per_second=1e9).ms == pytest.approx(3.0)


def test_a_rate_is_measured():
    # Any processor does more than a million a second, none a peta.
    assert 1e6 < multiply_add_rate(torch.device("cpu"), size=64, runs=2) < 1e15
