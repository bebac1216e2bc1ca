"""The training loop: batches, steps, validation, checkpoints, a CSV of what happened."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.negatives import NegativePictures
from ldn_openset_ros.data.rendered_scenes import RenderedScenes
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import Evaluation
from ldn_openset_ros.folders import make_folder
from ldn_openset_ros.inference.model_files import (
    AUXILIARY_PREFIX,
    EFFICIENTNET_LITE_NORMALISATION,
    SEMSEG_OD_NORMALISATION,
    WEIGHTS_FILE,
    DecisionSettings,
    ModelDescription,
    find_model,
    write_model,
)
from ldn_openset_ros.nn.checkpoint import load_strictly, read_weights
from ldn_openset_ros.nn.efficient_net_lite import imagenet_weights_file, load_imagenet_weights
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.taxonomy import load_taxonomy
from ldn_openset_ros.training.losses import LossParts, two_head_loss
from ldn_openset_ros.training.optimiser import build_optimiser, set_learning_rates
from ldn_openset_ros.training.pictures import TrainingPictures
from ldn_openset_ros.training.run_state import load_run, save_run
from ldn_openset_ros.training.settings import TrainingSettings
from ldn_openset_ros.training.validation import ValidationScenes, validate

LOSSES_FILE = "losses.csv"
VALIDATION_FILE = "validation.csv"
RUN_FILE = "last.safetensors"
MODEL_FOLDER = "model"
RENDERED_SIZE = (480, 360)
"""Width and height of rendered training scenes: CamVid's."""


def train(settings: TrainingSettings, data: Path, output: Path, device: str = "cpu") -> Path:
    """Train as the settings say, or go on with the run in `output`; return the model's folder.

    Workers are spawned processes: a script that calls this needs a `__main__` guard.

    data: the folder with the data sets the settings name. The output folder gets `losses.csv`,
    `validation.csv`, `last.safetensors` (to resume from) and `model/`, the trained model.
    """
    inliers = CamVid(data / settings.data.inliers, "train")
    held_out = CamVid(data / settings.data.inliers, "val")
    negatives = NegativePictures(data / settings.data.negatives, settings.negatives.box_extent)
    rendered = rendered_scenes(settings)
    description = describe(settings)
    network = initial_network(settings)
    # Channels last is the faster layout for convolutions, on CPUs and on tensor cores.
    network.to(device, memory_format=torch.channels_last)
    optimiser = build_optimiser(network, settings.optimiser)
    make_folder(output)
    digest = settings_digest(settings)
    run_file = output / RUN_FILE
    start = load_run(run_file, network, optimiser, digest) if run_file.exists() else 0
    truncate_csv(output / LOSSES_FILE, start)
    truncate_csv(output / VALIDATION_FILE, start)

    pictures = TrainingPictures(settings, inliers, negatives, rendered)
    batches = DataLoader(
        pictures,
        settings.batch_size,
        sampler=range(start * settings.batch_size, len(pictures)),
        num_workers=settings.workers,
        prefetch_factor=4 if settings.workers else None,
        # A forked worker would wait for ever for OpenCV's threads, which stay in the parent.
        multiprocessing_context="spawn" if settings.workers else None,
    )
    scenes = ValidationScenes(held_out, negatives)
    network.train()
    progress = tqdm(batches, initial=start, total=settings.steps, desc=settings.name, unit="step")
    for step, batch in enumerate(progress, start=start + 1):
        set_learning_rates(optimiser, step - 1, settings.steps)
        parts = training_step(network, optimiser, batch, description, settings, device)
        row = {name: round(value.item(), 5) for name, value in parts._asdict().items()}
        append_csv(output / LOSSES_FILE, {"step": step, **row})
        progress.set_postfix(loss=row["total"], refresh=False)
        if step % settings.checkpoint_every == 0 or step == settings.steps:
            save_run(run_file, network, optimiser, step, digest)
        if step % settings.validate_every == 0 and step < settings.steps:
            evaluation = validate(network, description, scenes)
            append_csv(output / VALIDATION_FILE, validation_row(step, evaluation))
    evaluation = validate(network, description, scenes)
    truncate_csv(output / VALIDATION_FILE, settings.steps - 1)
    append_csv(output / VALIDATION_FILE, validation_row(settings.steps, evaluation))
    write_model(output / MODEL_FOLDER, with_threshold(description, evaluation), network)
    return output / MODEL_FOLDER


def initial_network(settings: TrainingSettings) -> OpenSetNetwork:
    """Build the network as a run starts with it: random but for the weights the settings name."""
    torch.manual_seed(settings.seed)
    network = OpenSetNetwork(settings.network, auxiliary_heads=settings.loss.auxiliary > 0)
    if settings.imagenet_weights:
        name = settings.network.backbone
        load_imagenet_weights(network.backbone, imagenet_weights_file(name))
    if settings.initial_model:
        path = find_model(settings.initial_model) / WEIGHTS_FILE
        auxiliary = {
            name: tensor
            for name, tensor in network.state_dict().items()
            if name.startswith(AUXILIARY_PREFIX)
        }
        # A model's folder holds no auxiliary heads: those start anew.
        load_strictly(network, {**read_weights(path), **auxiliary}, path)
    return network


def training_step(
    network: OpenSetNetwork,
    optimiser: torch.optim.Optimizer,
    batch: Sequence[torch.Tensor],
    description: ModelDescription,
    settings: TrainingSettings,
    device: str,
) -> LossParts:
    """Take one optimiser step on a batch of `TrainingPictures`; return its losses."""
    rgb, labels, outlier = (tensor.to(device) for tensor in batch)
    mean = torch.tensor(description.normalisation.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(description.normalisation.std, device=device).view(1, 3, 1, 1)
    image = ((rgb.float() - mean) / std).contiguous(memory_format=torch.channels_last)
    output = network(image)
    parts = two_head_loss(output, labels, outlier, settings.loss)
    if not torch.isfinite(parts.total):
        raise OpenSetError("the loss is not finite: lower optimiser.learning_rate and restart")
    optimiser.zero_grad(set_to_none=True)
    parts.total.backward()
    optimiser.step()
    return LossParts(*(part.detach() for part in parts))


def describe(settings: TrainingSettings) -> ModelDescription:
    """Return the description of the model that a run makes."""
    lite = settings.network.backbone.startswith("efficientnet_lite")
    taxonomy = load_taxonomy("camvid")
    return ModelDescription(
        name=settings.name,
        network=settings.network,
        normalisation=EFFICIENTNET_LITE_NORMALISATION if lite else SEMSEG_OD_NORMALISATION,
        taxonomy=taxonomy.to_dict(),
        decision=DecisionSettings(resolution=settings.resolution),
    )


def rendered_scenes(settings: TrainingSettings) -> list[Sample]:
    """Render the scenes that the settings ask for, once: drawing one takes longer than a step."""
    scenes = RenderedScenes(settings.data.rendered_scenes, settings.seed, *RENDERED_SIZE)
    return [scenes[i] for i in tqdm(range(len(scenes)), desc="rendering", disable=not scenes)]


def validation_row(step: int, evaluation: Evaluation) -> dict[str, float]:
    """Return one row of `validation.csv`, in per cent."""
    row = {"step": step, "mIoU": round(100 * evaluation.mean_iou, 2)}
    for name, measures in evaluation.ranking.items():
        row[f"{name}_AP"] = round(100 * measures.average_precision, 2)
        row[f"{name}_FPR95"] = round(100 * measures.fpr95, 2)
    return row


def with_threshold(description: ModelDescription, evaluation: Evaluation) -> ModelDescription:
    """Return the description with the threshold that served best in validation."""
    decision = description.decision
    threshold = float(f"{evaluation.best_f1_thresholds[decision.fusion]:.4g}")
    return replace(description, decision=replace(decision, threshold=threshold))


def settings_digest(settings: TrainingSettings) -> str:
    """Return a fingerprint of all that changes a run's weights."""
    settings = replace(settings, workers=0, checkpoint_every=1, validate_every=1)
    text = json.dumps(asdict(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def append_csv(path: Path, row: dict[str, float]) -> None:
    """Append one row; a new file starts with the header."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def truncate_csv(path: Path, last_step: int) -> None:
    """Drop rows of steps after `last_step`: a resumed run takes those steps again."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["step"]) <= last_step]
    path.unlink()
    for row in rows:
        append_csv(path, row)
