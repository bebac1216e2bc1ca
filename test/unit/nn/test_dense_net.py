"""DenseNet backbones: sizes, published parameter counts; test_equivalence.py has the values."""

from __future__ import annotations

import pytest
import torch

from ldn_openset_ros.nn import dense_net


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
