from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
import torch

from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.benchmark.training import (
    FilledPictures,
    LoopFigures,
    TrainingFigures,
    benchmark_training,
    figures_of,
    plain,
    total,
)
from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.negatives import NegativePictures
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.training.pictures import TrainingPictures
from ldn_openset_ros.training.settings import TrainingSettings, read_training_settings
from ldn_openset_ros.training.sources import open_sources


@pytest.fixture
def settings(small_plan) -> TrainingSettings:
    return read_training_settings(small_plan / "experiment.yaml")


def step(loading: float, gradients: float, optimiser: float) -> dict[str, float]:
    return {
        "loading": loading,
        "forward_and_backward": gradients,
        "optimiser": optimiser,
    }


def test_figures_sum_up_the_stages_of_all_steps():
    steps = [step(0.1, 0.8, 0.1), step(0.5, 0.4, 0.1)]
    assert total(steps) == pytest.approx(2.0)
    figures = figures_of(steps, batch_size=6)
    assert figures.samples_per_second == 6.0
    assert figures.waiting_share == 0.3
    assert list(figures.stages) == ["loading", "forward_and_backward", "optimiser"]
    assert figures.stages["forward_and_backward"].p50_ms == 600.0
    assert figures.stages["optimiser"] == Timing(100.0, 100.0)


def test_the_speedup_is_the_median_of_the_rounds():
    loop = LoopFigures(1.0, 0.0, {})
    figures = TrainingFigures("e", "cpu", 1, 2, (32, 64), 3, loop, loop, (1.5, 4.0, 1.2))
    assert figures.speedup == 1.5


def test_the_plain_loop_differs_in_nothing_but_its_speed(settings):
    fast = replace(settings, workers=2, cache_mb=7, channels_last=True, compile=True, seed=4)
    slow = plain(fast)
    assert (slow.workers, slow.cache_mb, slow.channels_last, slow.compile) == (0, 0, False, False)
    assert slow == replace(fast, workers=0, cache_mb=0, channels_last=False, compile=False)


def test_both_loops_are_measured_on_real_training(settings, small_data):
    figures = benchmark_training(settings, small_data, "cpu", steps=4)
    assert (figures.experiment, figures.device, figures.steps) == ("small", "cpu", 4)
    assert (figures.batch_size, figures.crop) == (2, (32, 64))
    assert len(figures.round_speedups) == 3
    assert min(figures.round_speedups) > 0
    for loop in (figures.plain, figures.given):
        assert all(timing.p50_ms > 0 for timing in loop.stages.values())
        assert 0 < loop.waiting_share < 1
    assert figures.speedup == sorted(figures.round_speedups)[1]


@pytest.mark.timeout(120)
def test_workers_end_with_their_turns(settings, small_data):
    figures = benchmark_training(replace(settings, workers=1), small_data, "cpu", steps=3)
    assert figures.given.samples_per_second > 0
    assert multiprocessing.active_children() == []


def test_the_cache_is_full_before_the_first_picture(settings, small_data, monkeypatch):
    sources = open_sources(settings, small_data)
    usual = TrainingPictures(settings, sources.roads, sources.negatives)
    filled = FilledPictures(TrainingPictures(settings, sources.roads, sources.negatives))
    assert len(filled) == 2
    expected = [usual[index] for index in range(2)]
    found = [filled[0]]
    # From now on, all comes from memory.
    for source in (CamVid, NegativePictures):
        monkeypatch.setattr(source, "__getitem__", None)
    found.append(filled[1])
    for item, again in zip(expected, found, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(item, again, strict=True))


def test_too_few_steps_are_refused(settings, small_data):
    with pytest.raises(OpenSetError, match="steps is 2: give at least 3, one for each round"):
        benchmark_training(settings, small_data, steps=2)
