from __future__ import annotations

import pytest

from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.training.optimiser import build_optimiser, set_learning_rates
from ldn_openset_ros.training.settings import OptimiserSettings


@pytest.mark.parametrize("backbone", ["densenet121", "efficientnet_lite0"])
def test_every_parameter_is_in_exactly_one_group(backbone):
    network = OpenSetNetwork(NetworkSettings(backbone, num_classes=3), auxiliary_heads=True)
    optimiser = build_optimiser(network, OptimiserSettings())
    grouped = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in network.parameters()}


def test_backbone_has_a_quarter_of_the_rate_along_a_cosine():
    network = OpenSetNetwork(NetworkSettings("efficientnet_lite0", num_classes=3))
    optimiser = build_optimiser(network, OptimiserSettings(learning_rate=4e-4))
    rates = {}
    for step in (0, 50, 100):
        set_learning_rates(optimiser, step, 100)
        rates[step] = {group["name"]: group["lr"] for group in optimiser.param_groups}
    assert rates[0] == pytest.approx({"backbone": 1e-4, "rest": 4e-4})
    assert rates[50] == pytest.approx({"backbone": 0.5e-4, "rest": 2e-4})
    assert rates[100] == pytest.approx({"backbone": 0, "rest": 0})
