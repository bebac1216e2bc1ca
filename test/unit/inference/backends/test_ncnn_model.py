"""Recorded layers in ncnn's format: the exact text, the exact bytes."""

from __future__ import annotations

import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ldn_openset_ros.inference.backends.layer_graph import record_layers
from ldn_openset_ros.inference.backends.ncnn_model import ncnn_param, write_ncnn

IMAGE = torch.zeros(1, 3, 8, 12)


def test_the_text_of_a_small_network():
    stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    depthwise = nn.Conv2d(4, 4, (3, 5), groups=4, bias=False)
    norm = nn.BatchNorm2d(4, eps=0.001).eval()

    def network(image):
        features = functional.hardtanh(stem(image), 0.0, 6.0)
        wide = depthwise(functional.pad(features, (1, 2, 3, 4)))
        cells = functional.adaptive_avg_pool2d(norm(features), (2, 3))
        grown = functional.interpolate(cells, (4, 6), mode="bilinear", align_corners=False)
        pooled = functional.avg_pool2d(features.add(grown), 2)
        return (functional.relu(wide), functional.max_pool2d(torch.cat([pooled, pooled], 1), 2))

    assert ncnn_param(record_layers(network, IMAGE)).splitlines() == [
        "7767517",
        "12 15",
        "Input pixels 0 1 pixels",
        "Convolution layer0 1 1 pixels blob2 0=4 1=3 11=3 3=2 13=2 4=1 15=1 14=1 16=1 5=1 6=108 "
        "9=3 -23310=2,0.0,6.0",
        "Split split2 1 3 blob2 blob2_1 blob2_2 blob2_3",
        "ConvolutionDepthWise layer1 1 1 blob2_1 logits0 0=4 1=5 11=3 3=1 13=1 4=1 15=2 14=3 16=4 "
        "5=0 6=60 9=1 7=4",
        "BatchNorm layer2 1 1 blob2_2 blob5 0=4 1=0.001",
        "Pooling layer3 1 1 blob5 blob6 0=1 7=1 8=3 18=2",
        "Interp layer4 1 1 blob6 blob7 0=2 3=4 4=6 6=0",
        "BinaryOp layer5 2 1 blob2_3 blob7 blob8 0=0",
        "Pooling layer6 1 1 blob8 blob9 0=1 1=2 11=2 2=2 12=2 3=0 13=0 5=1 6=1",
        "Split split9 1 2 blob9 blob9_1 blob9_2",
        "Concat layer7 2 1 blob9_1 blob9_2 blob11 0=0",
        "Pooling layer8 1 1 blob11 logits1 0=0 1=2 11=2 2=2 12=2 3=0 13=0 5=1 6=1",
    ]


def test_weights_follow_each_other_in_the_order_of_the_layers(tmp_path):
    convolution, norm = nn.Conv2d(3, 1, 1), nn.BatchNorm2d(1).eval()
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1))
        convolution.bias.fill_(4)
        for value, tensor in enumerate(
            (norm.weight, norm.running_mean, norm.running_var, norm.bias), 5
        ):
            tensor.fill_(value)
    param, weights = tmp_path / "n.param", tmp_path / "n.bin"
    write_ncnn(record_layers(lambda image: (norm(convolution(image)),), IMAGE), param, weights)
    data = weights.read_bytes()
    assert struct.unpack("<I", data[:4]) == (0,)
    assert np.frombuffer(data[4:], "<f4").tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
