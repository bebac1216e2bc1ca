"""A network alone, by each backend and precision, beside eager PyTorch and the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ldn_openset_ros.benchmark.first_call import (
    FirstCalls,
    empty_caches,
    infer,
    measure_first_calls,
)
from ldn_openset_ros.benchmark.floor import Floor, multiply_adds
from ldn_openset_ros.benchmark.timings import Timing, Timings
from ldn_openset_ros.benchmark.turns import take_turns
from ldn_openset_ros.benchmark.variants import EAGER, Variant
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.backend import Backend
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.registry import make_backend
from ldn_openset_ros.inference.predictor import FrameLogits, Predictor
from ldn_openset_ros.nn.heads import HeadLogits

WARM_UP_CALLS = 2


@dataclass(frozen=True)
class BackendRow:
    """One backend and precision on the same frames as all others.

    speed_up: the median of eager PyTorch over this one's. over_floor: this median over the
    floor's milliseconds. difference: the largest, over all pixels, of the published outlier
    probability to that of eager PyTorch.
    """

    backend: str
    precision: str
    timing: Timing
    speed_up: float
    over_floor: float
    difference: float
    first_calls: FirstCalls


@dataclass(frozen=True)
class BackendFigures:
    """Everything that could run a network's input of one size. skipped: reasons by variant."""

    width: int
    height: int
    frames: int
    floor: Floor
    rows: tuple[BackendRow, ...]
    skipped: dict[str, str]


def compare_backends(
    folder: Path,
    variants: Sequence[Variant],
    device: str,
    frames: Sequence[np.ndarray],
    rate: float,
) -> BackendFigures:
    """Run frames, uint8 (h, w, 3) of the network's input, by each variant in turns.

    variants: EAGER is the first. rate: multiply-adds per second of a matrix product in this
    process. What is not installed or cannot run the model is skipped.
    """
    height, width = frames[0].shape[:2]
    network = PixelNetwork.read(folder)
    floor = Floor(multiply_adds(network, height, width), rate)
    backends: dict[Variant, Backend] = {}
    first_calls: dict[Variant, FirstCalls] = {}
    skipped: dict[str, str] = {}
    for variant in variants:
        with empty_caches():
            try:
                first_calls[variant] = measure_first_calls(folder, variant, device, height, width)
                backend = make_backend(network, variant.backend, variant.precision, device, folder)
                for _ in range(WARM_UP_CALLS):
                    infer(backend, frames[0][None])
            except OpenSetError as error:
                skipped[str(variant)] = str(error)
            else:
                backends[variant] = backend
    if EAGER not in backends:
        raise OpenSetError(f"the reference, {EAGER}, cannot run: {skipped[str(EAGER)]}")
    judge = Predictor(backends[EAGER], network.description)
    timings, differences = _run_in_turns(backends, judge, frames)
    torch.compiler.reset()  # else its limit of compilations is reached after a few sizes
    rows = tuple(
        backend_row(variant, timings, floor, differences[str(variant)], first_calls[variant])
        for variant in backends
    )
    return BackendFigures(width, height, len(frames), floor, rows, skipped)


def backend_row(
    variant: Variant,
    timings: dict[str, Timing],
    floor: Floor,
    difference: float,
    first_calls: FirstCalls,
) -> BackendRow:
    """Put a variant's figures together; timings: of all variants, EAGER among them."""
    timing = timings[str(variant)]
    return BackendRow(
        backend=variant.backend,
        precision=variant.precision,
        timing=timing,
        speed_up=round(timings[str(EAGER)].p50_ms / timing.p50_ms, 3),
        over_floor=round(timing.p50_ms / floor.ms, 3),
        difference=difference,
        first_calls=first_calls,
    )


def _run_in_turns(
    backends: dict[Variant, Backend], judge: Predictor, frames: Sequence[np.ndarray]
) -> tuple[dict[str, Timing], dict[str, float]]:
    """Return timings and largest differences to EAGER, which is the first, by variant."""
    timings = Timings()
    differences = dict.fromkeys(map(str, backends), 0.0)
    ways = {str(variant): partial(infer, backend) for variant, backend in backends.items()}
    reference = None
    for turn in take_turns(ways, [frame[None] for frame in frames]):
        timings.add({turn.name: turn.seconds})
        outlier = _outlier_probability(judge, turn.result, turn.item.shape[1:3])
        if turn.name == str(EAGER):
            reference = outlier
        found = float(np.abs(outlier - reference).max())
        differences[turn.name] = max(differences[turn.name], found)
    return timings.summary(), differences


def _outlier_probability(judge: Predictor, heads: HeadLogits, size: tuple[int, int]) -> np.ndarray:
    on_device = (None if tensor is None else tensor.to(judge.device) for tensor in heads)
    logits = FrameLogits(HeadLogits(*on_device), size)
    return judge.decide(logits, outputs=("outlier",)).outlier
