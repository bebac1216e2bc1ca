from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.evaluation.class_statistics import class_statistics, measure_class_statistics
from ldn_openset_ros.inference.model_files import read_description, read_network
from ldn_openset_ros.nn.layers import upsample


@pytest.fixture
def scenes() -> list[Sample]:
    rng = np.random.default_rng(0)
    return [Sample(str(n), rng.integers(0, 256, (40, 64, 3), dtype=np.uint8)) for n in range(3)]


def test_equal_numpys_over_the_pixels_of_a_class(tiny_model, scenes):
    predictor = Predictor.load(tiny_model, device="cpu")
    statistics = class_statistics(predictor, scenes)
    logits = [predictor.infer(s.rgb) for s in scenes]
    maps = [upsample(entry.heads.segmentation, entry.size)[0].numpy() for entry in logits]
    best = np.concatenate([m.max(0).ravel() for m in maps])
    index = np.concatenate([m.argmax(0).ravel() for m in maps])
    common = int(np.bincount(index).argmax())
    assert statistics.mean[common] == pytest.approx(best[index == common].mean(), abs=1e-3)
    assert statistics.std[common] == pytest.approx(best[index == common].std(), abs=1e-3)
    (never, *_) = sorted(set(range(11)) - set(index.tolist()))
    assert statistics.mean[never] == pytest.approx(best.mean(), abs=1e-3)
    assert statistics.std[never] == pytest.approx(best.std(), abs=1e-3)


def test_scenes_are_spread_over_the_data_and_the_mode_is_restored(tiny_model, scenes):
    description = read_description(tiny_model)
    network = read_network(tiny_model, description).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = measure_class_statistics(network, description, scenes, 2)
    predictor = Predictor.load(tiny_model, device="cpu")
    assert found == class_statistics(predictor, [scenes[0], scenes[2]])
    assert network.training
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_a_model_with_statistics_has_the_standardised_max_logit(tiny_model, scenes):
    description = read_description(tiny_model)
    network = read_network(tiny_model, description)
    statistics = measure_class_statistics(network, description, scenes, 3)
    plain = Predictor(network, description, torch.device("cpu"))
    assert "standardised_max_logit" not in plain.usable_scores
    able = Predictor(
        network, replace(description, class_statistics=statistics), torch.device("cpu")
    )
    score = able.log_odds(able.infer(scenes[0].rgb), "standardised_max_logit")
    best, index = (tensor.numpy() for tensor in able.best_logit(scenes[0].rgb))
    mean, std = np.array(statistics.mean), np.array(statistics.std)
    assert np.abs(score + (best - mean[index]) / std[index]).max() < 1e-3
