"""Models of random weights."""

from __future__ import annotations

import pytest
import torch

from ldn_openset_ros.benchmark.model_network import RANDOM_MODELS, random_model
from ldn_openset_ros.cli.benchmark import RANDOM_NAMES
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.nn.network import NetworkSettings


def test_ldn169_is_the_papers_network():
    assert RANDOM_MODELS["ldn169"] == NetworkSettings()
    assert tuple(RANDOM_MODELS) == RANDOM_NAMES


def test_the_weights_are_the_same_each_time_and_the_generator_is_left_alone(tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    folders = [random_model("ldn121", tmp_path / name) for name in ("first", "second")]
    assert torch.rand(1) == expected
    first, second = (PixelNetwork.read(folder).network.state_dict() for folder in folders)
    assert folders[0] == tmp_path / "first" / "ldn121"
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["ldn121"])
def test_its_outlier_probability_is_not_saturated(name, tmp_path):
    """So that differences between backends show."""
    network = PixelNetwork.read(random_model(name, tmp_path))
    pixels = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    with torch.inference_mode():
        probability = network(pixels).outlier.softmax(1)[:, 1]
    assert ((probability > 1e-3) & (probability < 1 - 1e-3)).float().mean() > 0.5
