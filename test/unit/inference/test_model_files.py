from __future__ import annotations

import pytest
import torch
import yaml

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import (
    DecisionSettings,
    Normalisation,
    read_description,
    read_network,
    write_model,
)
from ldn_openset_ros.nn.network import OpenSetNetwork


def test_a_model_survives_the_way_to_disk_in_half_precision(tiny_model, tmp_path):
    description = read_description(tiny_model)
    torch.manual_seed(1)
    network = OpenSetNetwork(description.network, auxiliary_heads=True).eval()
    write_model(tmp_path / "m", description, network)
    again = read_network(tmp_path / "m", read_description(tmp_path / "m"))
    assert read_description(tmp_path / "m") == description
    for name, tensor in again.state_dict().items():
        original = network.state_dict()[name]
        exact = original.half().float() if original.ndim > 1 else original
        assert torch.equal(tensor, exact), name
    assert not any(name.startswith("auxiliary") for name in again.state_dict())


def test_an_unknown_entry_is_named(tiny_model, tmp_path):
    values = yaml.safe_load((tiny_model / "model.yaml").read_text())
    values["decision"]["treshold"] = 0.4
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(OpenSetError, match=r"model\.yaml.*decision\.treshold"):
        read_description(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "update ldn_openset_ros"),
        ({"network": {"backbone": "efficientnet_lite0", "num_classes": 5}}, "taxonomy of 11"),
        ({"network": {"backbone": "vgg"}}, "unknown backbone"),
    ],
)
def test_descriptions_that_contradict_themselves_are_refused(tiny_model, tmp_path, change, reason):
    values = yaml.safe_load((tiny_model / "model.yaml").read_text()) | change
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(OpenSetError, match=reason):
        read_description(tmp_path)


def test_settings_check_their_ranges():
    with pytest.raises(OpenSetError, match="give a value from 0 to 1"):
        DecisionSettings(threshold=2)
    with pytest.raises(OpenSetError, match="must be above 0"):
        Normalisation((0, 0, 0), (1, 0, 1))
