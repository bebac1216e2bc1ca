"""The parts of `ldn-openset benchmark`, one after the other."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ldn_openset_ros.benchmark.backends import BackendFigures, compare_backends
from ldn_openset_ros.benchmark.cost import CostFigures
from ldn_openset_ros.benchmark.floor import multiply_add_rate
from ldn_openset_ros.benchmark.machine import this_machine
from ldn_openset_ros.benchmark.model_network import random_model
from ldn_openset_ros.benchmark.rate_figures import CameraFigures
from ldn_openset_ros.benchmark.stages import compare_stages
from ldn_openset_ros.benchmark.start import measure_start
from ldn_openset_ros.benchmark.variants import EAGER, Variant, variants_on
from ldn_openset_ros.cli.benchmark_tables import (
    FigureTable,
    backends_table,
    cameras_table,
    node_table,
    pixels_table,
    rate_table,
    stages_table,
    start_table,
    times_table,
)
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.registry import choose_device
from ldn_openset_ros.inference.model_files import find_model, read_description
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.memory import keep_freed_memory
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.ros.camera_names import ONLY_CAMERA
from ldn_openset_ros.ros.processes import isolated_environment
from ldn_openset_ros.scenes.drive import Drive, DriveSettings

NEED_ROS = {"node", "cost", "start"}
CAMERA_SIZE = (640, 480)
CAMERA_FRAMES = 4
FRAME_STEP = 7
"""Frames of the drive between two that are taken, so that they differ."""


class BenchmarkRun:
    """Measure what the command's arguments ask for.

    values: of what was measured so far, for JSON. costs: figures of the part cost, by model.
    """

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        """folder: for models of random weights and the node's logs."""
        self._args = args
        self._folder = folder
        self.machine = this_machine()
        self.values: dict[str, Any] = {
            "machine": asdict(self.machine),
            "seconds": {},
        }
        self.costs: dict[str, CostFigures] = {}

    def tables(self) -> Iterator[FigureTable]:
        """Measure part by part, in each model by model, and give each table when it is there."""
        args = self._args
        names = args.models or ([] if args.random else [DEFAULT_MODEL])
        models = [find_model(name) for name in names]
        if NEED_ROS & set(args.parts):
            _check_ros()
        if "start" in args.parts:  # first, while no other child of this process can end
            with self._timing("start"):
                figures = measure_start()
            self.values["start"] = asdict(figures)
            yield start_table(figures)
        models += [random_model(name, self._folder) for name in args.random]
        measured = self.values["models"] = [{"model": read_description(m).name} for m in models]
        parts = {
            "backends": self._backends,
            "stages": self._stages,
            "cost": self._cost,
            "node": self._node,  # the last, for it changes how this process keeps memory
        }
        for part in (part for part in parts if part in args.parts):
            for model, values in zip(models, measured, strict=True):
                with self._timing(part):
                    figures, tables = parts[part](model, values["model"])
                values.update(figures)
                yield from tables
        yield times_table(self.values["seconds"])

    @contextmanager
    def _timing(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds = self.values["seconds"]
        seconds[part] = round(seconds.get(part, 0.0) + time.perf_counter() - started, 1)

    def _backends(self, model: Path, name: str) -> tuple[dict, list[FigureTable]]:
        wanted = self._args.compare
        variants = [
            variant
            for variant in variants_on(choose_device(self._args.device).type)
            if variant == EAGER or wanted is None or variant.backend in wanted
        ]
        found = self._compare(model, variants, self._args.input)
        return {"backends": _backend_values(found)}, [backends_table(name, one) for one in found]

    def _stages(self, model: Path, name: str) -> tuple[dict, list[FigureTable]]:
        chosen = self._load(model)
        predictors = {str(EAGER): self._load(model, EAGER), str(_variant(chosen)): chosen}
        found = [
            compare_stages(predictors, drive_frames(size, self._args.frames))
            for size in self._args.size
        ]
        return {"stages": [asdict(one) for one in found]}, [
            stages_table(name, one) for one in found
        ]

    def _node(self, model: Path, name: str) -> tuple[dict, list[FigureTable]]:
        from ldn_openset_ros.ros.node_benchmark import benchmark_node
        from ldn_openset_ros.ros.rate_benchmark import measure_rate

        # As the node does: else this process, which is camera and subscriber, takes and gives back
        # each message's pages, and what is timed is that.
        keep_freed_memory()
        predictor = self._load(model)
        figures, rates = [], []
        for size in self._args.size:
            frames = drive_frames(size, self._args.frames)
            with self._running_node(model, predictor) as node:
                figures.append(benchmark_node(node, predictor, frames))
                rates.append(measure_rate(node, frames, self._args.hz, self._args.seconds))
        values = {
            "node": [
                {**asdict(one), "ratio": one.ratio, "overhead_ms": one.overhead_ms}
                for one in figures
            ],
            "rate": [{**asdict(one), "lost": one.lost} for one in rates],
        }
        return values, [*(node_table(name, one) for one in figures), rate_table(name, rates)]

    def _cost(self, model: Path, name: str) -> tuple[dict, list[FigureTable]]:
        predictor = self._load(model)
        variants = list(dict.fromkeys((EAGER, _variant(predictor))))
        pixels = self._compare(model, variants, self._args.cost_size)
        cameras = [self._saturate(model, predictor, count) for count in self._args.cameras]
        self.costs[name] = CostFigures(tuple(pixels), tuple(cameras))
        values = {
            "pixels": _backend_values(pixels),
            "cameras": [{**asdict(one), "total_hz": one.total_hz} for one in cameras],
        }
        return {"cost": values}, [pixels_table(name, pixels), cameras_table(name, cameras)]

    def _compare(
        self, model: Path, variants: Sequence[Variant], sizes: Sequence[tuple[int, int]]
    ) -> list[BackendFigures]:
        rate = multiply_add_rate(choose_device(self._args.device))
        return [
            compare_backends(
                model, variants, self._args.device, drive_frames(size, self._args.frames), rate
            )
            for size in sizes
        ]

    def _saturate(self, model: Path, predictor: Predictor, count: int) -> CameraFigures:
        from ldn_openset_ros.ros.rate_benchmark import measure_saturation

        cameras = ONLY_CAMERA if count == 1 else tuple(f"camera{n}" for n in range(1, count + 1))
        frames = drive_frames(CAMERA_SIZE, CAMERA_FRAMES)
        with self._running_node(model, predictor, cameras) as node:
            return measure_saturation(node, frames, self._args.seconds)

    def _load(self, model: Path, variant: Variant | None = None) -> Predictor:
        """Load the Predictor that the arguments ask for, or by another backend."""
        args = self._args
        backend, precision = (args.backend, args.precision)
        if variant is not None:
            backend, precision = variant.backend, variant.precision
        return Predictor.load(
            model,
            device=args.device,
            backend=backend,
            precision=precision,
            resolution=args.resolution,
        )

    @contextmanager
    def _running_node(
        self, model: Path, predictor: Predictor, cameras: Sequence[str] = ONLY_CAMERA
    ) -> Iterator[Any]:
        """Start the node that runs what the Predictor runs."""
        from ldn_openset_ros.ros.benchmark_peer import running_node

        environment = isolated_environment(os.environ, os.getpid())
        os.environ.update(environment)
        parameters = {
            "model": str(model),
            "device": predictor.device,
            "backend": predictor.backend,
            "precision": predictor.precision,
            "resolution": predictor.resolution,
        }
        with running_node(parameters, self._folder, environment, cameras) as node:
            yield node


def _check_ros() -> None:
    """Raise OpenSetError where the node's parts cannot run, before hours have passed."""
    try:
        import ldn_openset_ros.ros.rate_benchmark  # noqa: F401
    except ImportError as error:
        raise OpenSetError(
            f"the node needs ROS 2 ({error}): source its setup file, install the extra ros, or "
            f"leave {', '.join(sorted(NEED_ROS))} out of --parts"
        ) from None


def drive_frames(size: tuple[int, int], count: int) -> list[np.ndarray]:
    """Return rendered street scenes, uint8 (H, W, 3); size: (W, H)."""
    width, height = size
    drive = Drive(DriveSettings(width=width, height=height))
    return [drive.frame(FRAME_STEP * n).rgb for n in range(count)]


def _variant(predictor: Predictor) -> Variant:
    return Variant(predictor.backend, predictor.precision)


def _backend_values(figures: Sequence[BackendFigures]) -> list[dict]:
    values = [asdict(one) for one in figures]
    for one, value in zip(figures, values, strict=True):
        value["floor"]["ms"] = round(one.floor.ms, 3)
    return values
