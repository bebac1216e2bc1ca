"""DenseNet backbones: sizes, published parameter counts, parts in plain arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from ldn_openset_ros.nn import dense_net
from ldn_openset_ros.nn.dense_net import DenseBlock, DenseLayer, DenseNet, Transition


@pytest.mark.parametrize(
    ("build", "widths", "imagenet_parameters"),
    [
        (dense_net.densenet121, (256, 512, 1024, 1024), 7_978_856),
        (dense_net.densenet161, (384, 768, 2112, 2208), 28_681_000),
        (dense_net.densenet169, (256, 512, 1280, 1664), 14_149_480),
        (dense_net.densenet201, (256, 512, 1792, 1920), 20_013_928),
    ],
)
def test_variants_have_the_published_size_without_norm5_and_classifier(
    build, widths, imagenet_parameters
):
    backbone = build()

    norm5, classifier = 2 * widths[-1], 1000 * (widths[-1] + 1)
    parameters = sum(p.numel() for p in backbone.parameters())
    assert backbone.widths == widths
    assert parameters == imagenet_parameters - norm5 - classifier


def test_outputs_are_the_blocks_at_strides_4_to_32():
    backbone = dense_net.densenet169().eval()

    with torch.inference_mode():
        outputs = backbone(torch.zeros(2, 3, 64, 96))

    assert [tuple(o.shape) for o in outputs] == [
        (2, 256, 16, 24),
        (2, 512, 8, 12),
        (2, 1280, 4, 6),
        (2, 1664, 2, 3),
    ]


@torch.inference_mode()
def test_dense_layer(randomise, norm_relu_conv_reference):
    layer = randomise(DenseLayer(10, growth=3))
    features = torch.randn(2, 10, 5, 7, generator=torch.Generator().manual_seed(0))
    before = features.clone()

    squeezed = norm_relu_conv_reference(features, layer.norm1, layer.conv1)
    expected = norm_relu_conv_reference(squeezed, layer.norm2, layer.conv2)

    assert squeezed.shape[1] == 12
    torch.testing.assert_close(layer(features), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(features, before, atol=0, rtol=0)


@torch.inference_mode()
def test_dense_block_appends_each_layers_maps(randomise):
    block = randomise(DenseBlock(2, in_channels=4, growth=3))
    features = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0))

    first = block["denselayer1"](features)
    second = block["denselayer2"](torch.cat([features, first], 1))

    expected = torch.cat([features, first, second], 1)
    assert block.out_channels == expected.shape[1] == 10
    torch.testing.assert_close(block(features), expected)


@torch.inference_mode()
def test_transition_averages_without_the_padding(randomise, norm_relu_conv_reference):
    transition = randomise(Transition(8))
    features = torch.randn(1, 8, 7, 10, generator=torch.Generator().manual_seed(0))

    convolved = norm_relu_conv_reference(features, transition.norm, transition.conv)
    sums = functional.avg_pool2d(functional.pad(convolved, (1, 1, 1, 1)), 3, 2) * 9
    inside = functional.pad(torch.ones(1, 1, 7, 10), (1, 1, 1, 1))
    counts = functional.avg_pool2d(inside, 3, 2) * 9

    assert convolved.shape[1] == 4
    assert counts[0, 0, 0, 0] == 4
    torch.testing.assert_close(transition(features), sums / counts, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_stem_is_7x7_then_2x2_maximum(randomise):
    backbone = randomise(DenseNet(6, 2, (1, 1, 1, 1)))
    image = torch.randn(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    norm = backbone.features["norm0"]

    halved = functional.conv2d(image, backbone.features["conv0"].weight, stride=2, padding=3)
    mean, variance, gain, offset = (
        vector.view(1, -1, 1, 1)
        for vector in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    positive = ((halved - mean) / torch.sqrt(variance + 1e-5) * gain + offset).clamp(min=0)
    expected = positive.unflatten(3, (10, 2)).unflatten(2, (8, 2)).amax(dim=(3, 5))

    stride_4 = backbone(image)[0]
    torch.testing.assert_close(stride_4[:, :6], expected, atol=1e-5, rtol=1e-5)
