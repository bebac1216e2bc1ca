from __future__ import annotations

import torch
from torch import nn

from ldn_openset_ros.training.averaging import average_of, update_average


def network(value: float) -> nn.Module:
    layers = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    with torch.no_grad():
        layers[0].weight.fill_(value)
        layers[1].running_mean.fill_(value)
    return layers


def test_weights_and_statistics_are_averaged_and_counts_taken_over():
    average, trained = average_of(network(0.0)), network(1.0)
    trained[1].num_batches_tracked.fill_(7)
    update_average(average, trained, 0.9, step=1000)
    update_average(average, trained, 0.9, step=1001)
    for tensor in (average[0].weight, average[1].running_mean):
        assert torch.allclose(tensor, torch.tensor(1 - 0.9**2)), tensor
    assert average[1].num_batches_tracked == 7
    assert trained[0].weight.item() == 1.0


def test_the_first_weights_are_soon_forgotten():
    average = average_of(network(0.0))
    for step in range(1, 21):
        update_average(average, network(1.0), 0.999, step)
    assert average[0].weight.item() > 0.99


def test_the_average_is_not_trained():
    trained = network(1.0)
    average = average_of(trained)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in trained.parameters())
