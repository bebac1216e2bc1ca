"""Our LDN-169 computes what the authors' does: part by part, against NumPy, to 1e-5.

A state dict under the authors' names, filled with random numbers, is imported through
nn/foreign.py. Every part of the network then runs in float32, as it is used, and is compared
with `authors_network`, which reads the same numbers under the authors' names and shares neither
code nor torch operations with ours. test_foreign.py compares the whole network. The auxiliary
loss, which has no weights, is compared with loops over its windows.
"""

from __future__ import annotations

import authors_network as authors
import numpy as np
import pytest
import torch
from torch import Tensor

from ldn_openset_ros.nn.foreign import network_from_semseg_od
from ldn_openset_ros.nn.layers import upsample
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.loss_terms import cross_entropy, soft_targets

TOLERANCE = 1e-5
CLASSES = 19
IGNORE = 255


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return authors.semseg_od_state(CLASSES, widths=(256, 256, 128))


@pytest.fixture(scope="module")
def network(state, tmp_path_factory) -> OpenSetNetwork:
    path = tmp_path_factory.mktemp("authors") / "two_head.pt"
    torch.save(state, path)
    network = network_from_semseg_od(path).eval()
    path.unlink()
    return network


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def assert_equal(given: Tensor, wanted: np.ndarray) -> None:
    assert given.dtype == torch.float32
    assert given.shape == wanted.shape
    assert wanted.std() > 0.1  # far above the tolerance
    np.testing.assert_allclose(given.numpy(), wanted, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("size", [(32, 40), (37, 50)], ids=["even", "odd"])
@torch.inference_mode()
def test_stem(network, state, size):
    image = random(2, 3, *size)

    # The first block passes the stem's maps on, in front of its own.
    stride_4 = network.backbone(image)[0][:, :64]

    assert_equal(stride_4, authors.stem(image.numpy(), state))


@pytest.mark.parametrize(
    ("block", "layer", "channels"),
    [(1, 1, 64), (1, 6, 224), (2, 5, 256), (3, 17, 768), (4, 32, 1632)],
)
@torch.inference_mode()
def test_dense_layer(network, state, block, layer, channels):
    features = random(2, channels, 5, 7)
    before = features.clone()
    ours = network.backbone.features[f"denseblock{block}"][f"denselayer{layer}"]

    new = ours(features)

    name = f"{authors.BACKBONE}denseblock{block}.denselayer{layer}"
    assert new.shape == (2, 32, 5, 7)
    assert_equal(new, authors.dense_layer(before.numpy(), state, name))
    assert torch.equal(features, before)  # the later layers need it as it was


@torch.inference_mode()
def test_dense_block(network, state):
    features = random(1, 64, 6, 5)

    expected = features.numpy()
    for layer in range(1, 7):
        name = f"{authors.BACKBONE}denseblock1.denselayer{layer}"
        new = authors.dense_layer(expected, state, name)
        expected = np.concatenate([expected, new], axis=1)

    assert expected.shape == (1, 256, 6, 5)
    assert_equal(network.backbone.features["denseblock1"](features), expected)


@pytest.mark.parametrize(("number", "channels"), [(1, 256), (2, 512), (3, 1280)])
@pytest.mark.parametrize("size", [(6, 8), (7, 9), (1, 1)], ids=["even", "odd", "one"])
@torch.inference_mode()
def test_transition(network, state, number, channels, size):
    features = random(2, channels, *size)

    given = network.backbone.features[f"transition{number}"](features)

    name = f"{authors.BACKBONE}transition{number}"
    assert given.shape[1] == channels // 2
    assert_equal(given, authors.transition(features.numpy(), state, name))


@pytest.mark.parametrize("size", [(12, 17), (9, 5), (2, 3)], ids=["wide", "high", "small"])
@torch.inference_mode()
def test_pyramid_pooling(network, state, size):
    features = random(2, 1664, *size)

    given = network.pyramid_pooling(features)

    assert given.shape == (2, 512, *size)
    assert_equal(given, authors.pyramid_pooling(features.numpy(), state))


@pytest.mark.parametrize(
    ("index", "coarse", "skip", "out"),
    [(0, 512, 1280, 256), (1, 256, 512, 256), (2, 256, 256, 128)],
)
@pytest.mark.parametrize("size", [(6, 10), (7, 9)], ids=["twice", "odd"])
@torch.inference_mode()
def test_upsampling_module(network, state, index, coarse, skip, out, size):
    features, skip_features = random(2, coarse, 3, 5), random(2, skip, *size, seed=1)

    given = network.ladder.modules_coarse_to_fine[index](features, skip_features)

    assert given.shape == (2, out, *size)
    assert_equal(
        given,
        authors.upsampling_module(features.numpy(), skip_features.numpy(), state, index),
    )


@torch.inference_mode()
def test_both_heads_see_the_same_features(network, state):
    features = random(2, 128, 6, 10)
    before = features.numpy().copy()

    logits = network.heads(features)

    assert logits.segmentation.shape == (2, CLASSES, 6, 10)
    assert_equal(logits.segmentation, authors.norm_relu_conv(before, state, "logits"))
    assert logits.outlier.shape == (2, 2, 6, 10)
    assert_equal(logits.outlier, authors.norm_relu_conv(before, state, "logits_conf"))


@pytest.mark.parametrize("size", [(20, 28), (21, 27)], ids=["times_four", "odd"])
def test_logits_are_upsampled_between_pixel_centres(size):
    logits = random(2, 3, 5, 7)

    assert_equal(upsample(logits, size), authors.upsample(logits.numpy(), *size))


def window_distribution(window: np.ndarray, classes: int) -> np.ndarray | None:
    """Return the shares of the classes in a window; None where half or more is ignored."""
    counts = np.zeros(classes)
    ignored = 0
    for label in window.flat:
        if label == IGNORE:
            ignored += 1
        else:
            counts[label] += 1
    return None if 2 * ignored >= window.size else counts / counts.sum()


def labels_with_ignored_pixels(height: int, width: int, classes: int, stride: int) -> np.ndarray:
    """Return random labels; in the first windows no, some, half, most, all pixels are ignored."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, classes, (2, height, width))
    area = stride * stride
    for image in labels:
        for column, count in enumerate((0, area // 2 - 1, area // 2, area // 2 + 1, area)):
            window = image[:stride, column * stride : (column + 1) * stride]
            window.flat[generator.permutation(area)[:count]] = IGNORE
    return labels


@pytest.mark.parametrize("classes", [2, CLASSES], ids=["outlier", "segmentation"])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_auxiliary_loss(stride, classes):
    rows, columns = 2, 6
    labels = labels_with_ignored_pixels(rows * stride, columns * stride, classes, stride)
    logits = 2 * random(2, classes, rows, columns)
    distribution, valid = soft_targets(torch.from_numpy(labels), classes, stride)

    losses = []
    for image in range(2):
        for row in range(rows):
            for column in range(columns):
                window = labels[
                    image,
                    row * stride : (row + 1) * stride,
                    column * stride : (column + 1) * stride,
                ]
                expected = window_distribution(window, classes)
                assert valid[image, row, column] == (expected is not None)
                if expected is None:
                    continue
                given = distribution[image, :, row, column].numpy()
                np.testing.assert_allclose(given, expected, atol=TOLERANCE)
                scores = logits[image, :, row, column].numpy().astype(np.float64)
                log_probabilities = scores - np.log(np.exp(scores).sum())
                losses.append(-(expected * log_probabilities).sum())

    assert len(losses) == 2 * (rows * columns - 3)
    given = cross_entropy(logits, torch.from_numpy(labels)).item()
    assert given == pytest.approx(np.mean(losses), abs=TOLERANCE)
