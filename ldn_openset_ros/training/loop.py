"""The training loop: steps, validation, checkpoints, records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import nn
from torch.amp import GradScaler
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.class_statistics import measure_class_statistics
from ldn_openset_ros.evaluation.evaluate import Evaluation
from ldn_openset_ros.folders import check_writable, make_folder
from ldn_openset_ros.inference.model_files import (
    DESCRIPTION_FILE,
    ModelDescription,
    write_model,
)
from ldn_openset_ros.nn.gradient_checkpointing import enable_gradient_checkpointing
from ldn_openset_ros.nn.processes import mean_over_processes, share_batch_norm
from ldn_openset_ros.recognition.module import Truth
from ldn_openset_ros.recognition.registry import build_recognition
from ldn_openset_ros.training.averaging import average_of, update_average
from ldn_openset_ros.training.batches import load_batches
from ldn_openset_ros.training.compilation import compile_network
from ldn_openset_ros.training.initial import describe, initial_fingerprint, initial_network
from ldn_openset_ros.training.losses import LossParts, compound_loss, in_float32
from ldn_openset_ros.training.optimiser import build_optimiser, set_learning_rates
from ldn_openset_ros.training.pictures import TrainingPictures
from ldn_openset_ros.training.processes import Processes, joined_processes, wait_for_all
from ldn_openset_ros.training.records import append_csv, truncate_csv, validation_row
from ldn_openset_ros.training.run_state import load_run, read_progress, save_run
from ldn_openset_ros.training.settings import TrainingSettings
from ldn_openset_ros.training.sources import open_sources
from ldn_openset_ros.training.validation import ValidationScenes, validate

LOSSES_FILE = "losses.csv"
VALIDATION_FILE = "validation.csv"
RUN_FILE = "last.safetensors"
MODEL_FOLDER = "model"
SNAPSHOT_FOLDER = "model_so_far"
"""The model of the last validation before the end."""
STATISTICS_SCENES = 30
"""Training scenes that the class statistics are measured on."""


def train(
    settings: TrainingSettings, data: Path, output: Path, device: str = "cpu"
) -> Path | None:
    """Train as the settings say, or go on with the run in `output`; return the model's folder.

    Started by `torchrun`, every process takes its share of each batch, and only the first one
    writes files and returns the folder. Workers are spawned processes: a script that calls this
    needs a `__main__` guard.

    data: the folder with the data sets the settings name. The output folder gets `losses.csv`,
    `validation.csv`, `last.safetensors` (to resume from), `model_so_far/`, as it was when it was
    last validated, and `model/`, the trained model.
    """
    with joined_processes(torch.device(device)) as processes:
        return _train(settings, data, output, processes)


def _train(
    settings: TrainingSettings, data: Path, output: Path, processes: Processes
) -> Path | None:
    check_writable(output / LOSSES_FILE)
    make_folder(output)
    sources = open_sources(settings, data)
    description = describe(settings, sources.taxonomy)
    network = prepare(initial_network(settings, sources.taxonomy), settings, processes.device)
    optimiser = build_optimiser(network, settings.optimiser)
    scaler = GradScaler(processes.device.type, enabled=settings.precision == "float16")
    average = average_of(network) if settings.average else None
    judged = network if average is None else average
    digest = settings_digest(settings)
    run_file = output / RUN_FILE
    kept = (network, optimiser, scaler)
    start = load_run(run_file, *kept, digest, average) if run_file.exists() else 0
    wait_for_all()
    if processes.is_first:
        truncate_csv(output / LOSSES_FILE, start)
        truncate_csv(output / VALIDATION_FILE, start)

    pictures = TrainingPictures(settings, sources.roads, sources.negatives, sources.rendered)
    scenes = ValidationScenes(
        sources.validation, sources.negatives, settings.data.validation_every
    )
    trainer = Trainer(settings, description, network, optimiser, scaler, processes)
    network.train()
    progress = tqdm(
        load_batches(pictures, settings, start, processes),
        initial=start,
        total=settings.steps,
        desc=settings.name,
        unit="step",
        disable=not processes.is_first,
    )
    for step, batch in enumerate(progress, start=start + 1):
        set_learning_rates(optimiser, step - 1, settings.steps)
        parts = trainer.step(batch, step)
        if average is not None:
            update_average(average, network, settings.average, step)
        if not processes.is_first:
            continue
        row = {name: round(value.item(), 5) for name, value in parts._asdict().items()}
        append_csv(output / LOSSES_FILE, {"step": step, **row})
        progress.set_postfix(loss=row["total"], refresh=False)
        if step % settings.checkpoint_every == 0 or step == settings.steps:
            save_run(run_file, *kept, step, digest, average)
        if step % settings.validate_every == 0 and step < settings.steps:
            so_far = _validated(judged, description, scenes, output, step)
            write_model(output / SNAPSHOT_FOLDER, so_far, judged)
    if processes.is_first:
        truncate_csv(output / VALIDATION_FILE, settings.steps - 1)
        description = _validated(judged, description, scenes, output, settings.steps)
        statistics = measure_class_statistics(
            judged, description, sources.roads, STATISTICS_SCENES
        )
        description = replace(description, class_statistics=statistics)
        write_model(output / MODEL_FOLDER, description, judged)
    wait_for_all()
    return output / MODEL_FOLDER if processes.is_first else None


def _validated(
    network: nn.Module,
    description: ModelDescription,
    scenes: ValidationScenes,
    output: Path,
    step: int,
) -> ModelDescription:
    """Validate, record it and return the description with the threshold that served best."""
    evaluation = validate(network, description, scenes)
    append_csv(output / VALIDATION_FILE, validation_row(step, evaluation))
    return with_threshold(description, evaluation)


def prepare(network: nn.Module, settings: TrainingSettings, device: torch.device) -> nn.Module:
    """Bring a network to its device and into the form that the settings ask for."""
    if settings.gradient_checkpointing:
        enable_gradient_checkpointing(network)
    network = network.to(device, memory_format=memory_format(settings))
    return share_batch_norm(network, device)


def memory_format(settings: TrainingSettings) -> torch.memory_format:
    """Return the layout of pictures and weights."""
    return torch.channels_last if settings.channels_last else torch.contiguous_format


class Trainer:
    """Takes optimiser steps on batches of `TrainingPictures`."""

    def __init__(
        self,
        settings: TrainingSettings,
        description: ModelDescription,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        scaler: GradScaler,
        processes: Processes,
    ) -> None:
        self._settings = settings
        self._recognition = build_recognition(settings.recognition)
        self._optimiser = optimiser
        self._scaler = scaler
        self._processes = processes
        self._device = processes.device
        self._dtype = getattr(torch, settings.precision)
        model = DistributedDataParallel(network) if processes.count > 1 else network
        self._model = compile_network(model) if settings.compile else model
        like = next(network.parameters())
        self._mean = like.new_tensor(description.normalisation.mean).view(1, 3, 1, 1)
        self._std = like.new_tensor(description.normalisation.std).view(1, 3, 1, 1)

    def step(self, batch: Sequence[torch.Tensor], step: int) -> LossParts:
        """Take optimiser step number `step`; return its losses, over all processes."""
        shared = self.compute_gradients(batch, step)
        self.update_weights()
        return shared

    def compute_gradients(self, batch: Sequence[torch.Tensor], step: int) -> LossParts:
        """Compute the gradients of step number `step`; return its losses, over all processes."""
        if self._settings.network.dropout:
            # Masks of step and process alone: a cut run goes on with those of an uncut one.
            masks = self._settings.seed * self._settings.steps + step
            torch.manual_seed(masks * self._processes.count + self._processes.rank)
        rgb, labels, outlier = (t.to(self._device, non_blocking=True) for t in batch)
        reduced = self._dtype != torch.float32
        with torch.autocast(self._device.type, self._dtype, enabled=reduced):
            output = self._model(self._normalise(rgb))
        if reduced:  # pixels are too many to be counted in 16 bits
            output = in_float32(output)
        truth = Truth(labels.long(), outlier.long())
        parts = compound_loss(output, truth, self._recognition, self._settings.loss)
        shared = LossParts(*(mean_over_processes(part.detach()) for part in parts))
        if not torch.isfinite(shared.total):
            raise OpenSetError("the loss is not finite: lower optimiser.learning_rate and restart")
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(parts.total).backward()
        return shared

    def update_weights(self) -> None:
        """Let the optimiser use the gradients."""
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def _normalise(self, rgb: torch.Tensor) -> torch.Tensor:
        """Return uint8 (N, H, W, 3) pictures as the network's input, (N, 3, H, W)."""
        layout = memory_format(self._settings)
        image = rgb.permute(0, 3, 1, 2).to(self._mean.dtype, memory_format=layout)
        return image.sub_(self._mean).div_(self._std)


def with_threshold(description: ModelDescription, evaluation: Evaluation) -> ModelDescription:
    """Return the description with the threshold that served best in validation."""
    decision = description.decision
    threshold = float(f"{evaluation.best_f1_thresholds[decision.fusion]:.4g}")
    return replace(description, decision=replace(decision, threshold=threshold))


def is_finished(settings: TrainingSettings, output: Path) -> bool:
    """Return whether `output` holds the finished run of these very settings."""
    run_file = output / RUN_FILE
    if not run_file.exists() or not (output / MODEL_FOLDER / DESCRIPTION_FILE).exists():
        return False
    return read_progress(run_file) == (settings.steps, settings_digest(settings))


def settings_digest(settings: TrainingSettings) -> str:
    """Return a fingerprint of all that changes a run's weights, or how its model recognises.

    What changes them by rounding alone, as another device or precision does, does not count.
    """
    settings = replace(
        settings,
        workers=0,
        checkpoint_every=1,
        validate_every=1,
        gradient_checkpointing=False,
        fusion=None,
        data=replace(settings.data, validation_every=1),
    )
    values = asdict(settings)
    values["initial_model"] = initial_fingerprint(settings)
    for name in ("cache_mb", "channels_last", "compile", "precision"):
        del values[name]
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
