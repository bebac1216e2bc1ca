from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
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
    seen = sorted(set(index.tolist()))
    never = sorted(set(range(11)) - set(seen))
    assert len(seen) > 1
    assert never
    for number in seen:
        values = best[index == number].astype(np.float64)
        assert statistics.mean[number] == pytest.approx(values.mean(), abs=1e-4)
        assert statistics.std[number] == pytest.approx(max(values.std(), 1e-3), abs=1e-4)
    for number in never:
        assert statistics.mean[number] == pytest.approx(best.mean(), abs=1e-4)
        assert statistics.std[number] == pytest.approx(best.std(), abs=1e-4)


def test_scenes_are_spread_over_the_data_and_the_mode_is_restored(tiny_model, scenes):
    description = read_description(tiny_model)
    network = read_network(tiny_model, description).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = measure_class_statistics(network, description, scenes, 2)
    predictor = Predictor.load(tiny_model, device="cpu", backend="torch")
    assert found == class_statistics(predictor, [scenes[0], scenes[2]])
    assert network.training
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_a_model_with_statistics_has_the_standardised_max_logit(tiny_model, scenes):
    description = read_description(tiny_model)
    network = read_network(tiny_model, description)
    statistics = measure_class_statistics(network, description, scenes, 3)
    plain = Predictor.of_network(network, description, torch.device("cpu"))
    assert "standardised_max_logit" not in plain.usable_scores
    able = Predictor.of_network(
        network, replace(description, class_statistics=statistics), torch.device("cpu")
    )
    score = able.log_odds(able.infer(scenes[0].rgb), "standardised_max_logit")
    best, index = (tensor.numpy() for tensor in able.best_logit(scenes[0].rgb))
    mean, std = np.array(statistics.mean), np.array(statistics.std)
    assert np.abs(score + (best - mean[index]) / std[index]).max() < 1e-3


def test_a_single_outlier_head_has_none_and_keeps_its_mode(small_model, scenes):
    folder = small_model("outlier_head")
    description = read_description(folder)
    for training in (True, False):
        network = read_network(folder, description).train(training)
        assert measure_class_statistics(network, description, scenes, 2) is None
        assert network.training == training


def test_the_mode_is_restored_where_a_scene_cannot_be_read(tiny_model):
    description = read_description(tiny_model)
    network = read_network(tiny_model, description).train()
    with pytest.raises(OpenSetError, match="a picture must be"):
        measure_class_statistics(network, description, [Sample("x", np.zeros((4, 4)))], 1)
    assert network.training


def test_more_scenes_than_there_are_count_each_once(tiny_model, scenes):
    description = read_description(tiny_model)
    network = read_network(tiny_model, description)
    predictor = Predictor.load(tiny_model, device="cpu")
    found = measure_class_statistics(network, description, scenes, 30)
    assert found == class_statistics(predictor, scenes)
