"""Training as the settings say beside a plain loop, stage by stage."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.amp import GradScaler
from torch.utils.data import Dataset

from ldn_openset_ros.benchmark.timings import Timing, Timings
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.training.batches import load_batches
from ldn_openset_ros.training.initial import describe, initial_network
from ldn_openset_ros.training.loop import Trainer, prepare
from ldn_openset_ros.training.optimiser import build_optimiser
from ldn_openset_ros.training.pictures import TrainingPictures
from ldn_openset_ros.training.processes import Processes
from ldn_openset_ros.training.settings import TrainingSettings
from ldn_openset_ros.training.sources import Sources, open_sources

ROUNDS = 3
"""How often the two loops take turns, so that what else the machine does meets both."""
LOADING, GRADIENTS, OPTIMISER = "loading", "forward_and_backward", "optimiser"
"""Of a step: waiting for the batch, losses and gradients, the update of the weights."""
UNMEASURED = 1
"""Steps at the start of each turn in which workers start and the network is compiled."""


@dataclass(frozen=True)
class LoopFigures:
    """One loop over all its measured steps."""

    samples_per_second: float
    waiting_share: float
    """Share of the time in which the network waits for data, from 0 to 1."""
    stages: Mapping[str, Timing]
    """Of a step: loading, forward_and_backward, optimiser."""


@dataclass(frozen=True)
class TrainingFigures:
    """Training as the settings say beside a plain loop on the same pictures in one run.

    plain: without cache, workers, channels_last and compile. steps: measured of each loop.
    """

    experiment: str
    device: str
    threads: int
    batch_size: int
    crop: tuple[int, int]
    steps: int
    plain: LoopFigures
    given: LoopFigures
    round_speedups: tuple[float, ...]
    """Samples per second of the given loop over those of the plain one, in every round."""

    @property
    def speedup(self) -> float:
        """The median of the rounds' speedups."""
        return round(statistics.median(self.round_speedups), 3)


def benchmark_training(
    settings: TrainingSettings, data: Path, device: str = "cpu", steps: int = 24
) -> TrainingFigures:
    """Train by a plain loop and as the settings say, in turns, and time both.

    Caches hold from the start what they would come to hold. Nothing is validated or written. With
    workers, which are spawned processes, a script that calls this needs a `__main__` guard.

    data: the folder with the data sets the settings name. steps: measured of each loop, at least
    one for each of `ROUNDS`; raises OpenSetError for fewer.
    """
    if steps < ROUNDS:
        raise OpenSetError(f"steps is {steps}: give at least {ROUNDS}, one for each round")
    sources = open_sources(settings, data)
    loops = [
        TimedLoop(changed, sources, torch.device(device))
        for changed in (plain(settings), settings)
    ]
    turns: list[list[list[dict[str, float]]]] = [[], []]
    for number in range(ROUNDS):
        count = (steps * (number + 1)) // ROUNDS - (steps * number) // ROUNDS
        for loop, seconds in zip(loops, turns, strict=True):
            seconds.append(loop.take_turn(count))
    size = settings.batch_size
    return TrainingFigures(
        settings.name,
        device,
        torch.get_num_threads(),
        size,
        settings.crop,
        steps,
        *(figures_of([step for turn in seconds for step in turn], size) for seconds in turns),
        tuple(
            round(total(before) / total(after), 3) for before, after in zip(*turns, strict=True)
        ),
    )


def plain(settings: TrainingSettings) -> TrainingSettings:
    """Return the settings of a loop that does nothing to be fast."""
    return replace(settings, workers=0, cache_mb=0, channels_last=False, compile=False)


class TimedLoop:
    """A training loop whose steps are timed; it goes on where its last turn ended."""

    def __init__(self, settings: TrainingSettings, sources: Sources, device: torch.device) -> None:
        self._settings = settings
        self._processes = Processes(0, 1, device)
        self._pictures = FilledPictures(
            TrainingPictures(settings, sources.roads, sources.negatives, sources.rendered)
        )
        network = prepare(initial_network(settings, sources.taxonomy), settings, device).train()
        self._trainer = Trainer(
            settings,
            describe(settings, sources.taxonomy),
            network,
            build_optimiser(network, settings.optimiser),
            GradScaler(device.type, enabled=settings.precision == "float16"),
            self._processes,
        )
        self._step = 0

    def take_turn(self, steps: int) -> list[dict[str, float]]:
        """Return the seconds of the stages of `steps` steps.

        Workers are started anew and end with the turn, so they take nothing from other loops.
        """
        first, self._step = self._step, self._step + UNMEASURED + steps
        settings = replace(self._settings, steps=self._step)
        batches = load_batches(self._pictures, settings, first, self._processes)
        seconds = [self._time_step(batches, step) for step in range(first + 1, self._step + 1)]
        return seconds[UNMEASURED:]

    def _time_step(self, batches: Iterator, step: int) -> dict[str, float]:
        started = self._now()
        batch = next(batches)
        loaded = self._now()
        self._trainer.compute_gradients(batch, step)
        computed = self._now()
        self._trainer.update_weights()
        return {
            LOADING: loaded - started,
            GRADIENTS: computed - loaded,
            OPTIMISER: self._now() - computed,
        }

    def _now(self) -> float:
        if self._processes.device.type == "cuda":
            torch.cuda.synchronize(self._processes.device)
        return time.perf_counter()


class FilledPictures(Dataset):
    """Training pictures whose cache is filled, in the process that makes them, before the first.

    A few steps would meet few pictures twice, where most runs meet each many times.
    """

    def __init__(self, pictures: TrainingPictures) -> None:
        self._pictures = pictures
        self._filled = False

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if not self._filled:
            self._pictures.fill_cache()
            self._filled = True
        return self._pictures[index]


def figures_of(steps: list[dict[str, float]], batch_size: int) -> LoopFigures:
    """Sum up the seconds of the stages of several steps."""
    timings = Timings()
    for seconds in steps:
        timings.add(seconds)
    time_taken = total(steps)
    return LoopFigures(
        samples_per_second=round(len(steps) * batch_size / time_taken, 3),
        waiting_share=round(sum(seconds[LOADING] for seconds in steps) / time_taken, 4),
        stages=timings.summary(),
    )


def total(steps: list[dict[str, float]]) -> float:
    """Return the seconds of all stages of several steps."""
    return sum(sum(seconds.values()) for seconds in steps)
