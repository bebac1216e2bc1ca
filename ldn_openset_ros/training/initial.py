"""The network and the description that a run starts with."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import (
    EFFICIENTNET_LITE_NORMALISATION,
    SEMSEG_OD_NORMALISATION,
    WEIGHTS_FILE,
    DecisionSettings,
    ModelDescription,
    Normalisation,
    find_model,
    read_description,
)
from ldn_openset_ros.nn.checkpoint import load_strictly, read_weights
from ldn_openset_ros.nn.efficient_net_lite import imagenet_weights_file, load_imagenet_weights
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.registry import build_recognition
from ldn_openset_ros.taxonomy import Taxonomy
from ldn_openset_ros.training.settings import TrainingSettings

HEAD_PREFIXES = ("heads.", "auxiliary_heads.")
CLASS_HEAD = "heads.segmentation"


def initial_network(
    settings: TrainingSettings, taxonomy: Taxonomy | None = None
) -> OpenSetNetwork:
    """Build the network as a run starts with it: random but for the weights the settings name.

    taxonomy: the classes that it is trained on; None where they are those of an initial model.
    """
    torch.manual_seed(settings.seed)
    network = OpenSetNetwork(settings.network, auxiliary_heads=settings.loss.auxiliary > 0)
    if settings.imagenet_weights:
        name = settings.network.backbone
        load_imagenet_weights(network.backbone, imagenet_weights_file(name))
    if settings.initial_model:
        load_initial_model(network, settings.initial_model, taxonomy)
    return network


def load_initial_model(
    network: OpenSetNetwork, model: str, taxonomy: Taxonomy | None = None
) -> None:
    """Fill a network from a model's folder or name.

    A head that the model lacks, even in part, or has in another shape stays as it is, and so do
    the auxiliary heads, which a model's folder does not hold. So does a head of classes other than
    those of `taxonomy`, which is told. Anything else that does not fit is an OpenSetError.
    """
    folder = find_model(model)
    path = folder / WEIGHTS_FILE
    weights = read_weights(path)
    own = network.state_dict()
    heads = {name: tensor for name, tensor in own.items() if name.startswith(HEAD_PREFIXES)}
    # The norm of a head fits any number of classes, but is worth nothing without its convolution.
    anew = {
        head_of(name)
        for name, tensor in heads.items()
        if tensor.ndim and (name not in weights or weights[name].shape != tensor.shape)
    }
    other = class_difference(folder, taxonomy)
    if other and CLASS_HEAD not in anew and CLASS_HEAD in map(head_of, heads):
        anew.add(CLASS_HEAD)
        tqdm.write(f"{model}: its head of classes starts anew, for {other}", file=sys.stderr)
    kept = {name for name in heads if head_of(name) not in anew}
    fitting = {name: tensor for name, tensor in weights.items() if name in kept}
    body = {name: t for name, t in weights.items() if not name.startswith(HEAD_PREFIXES)}
    load_strictly(network, {**body, **heads, **fitting}, path)


def head_of(name: str) -> str:
    """Return the head that a parameter belongs to: heads.outlier of heads.outlier.conv.bias."""
    return name.rsplit(".", 2)[0]


def class_difference(folder: Path, taxonomy: Taxonomy | None) -> str:
    """Return in words how the classes of a trained model differ; empty where they do not."""
    description = read_description(folder)
    if taxonomy is None or not description.trained:
        return ""
    return taxonomy.difference(Taxonomy.from_dict(description.taxonomy))


def initial_fingerprint(settings: TrainingSettings) -> list[str] | None:
    """Return what of the initial model, wherever it lies, changes a run; None without one."""
    if settings.initial_model is None:
        return None
    folder = find_model(settings.initial_model)
    description = read_description(folder)
    try:
        weights = (folder / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        raise OpenSetError(f"cannot read {folder / WEIGHTS_FILE}: {error.strerror}") from None
    names = Taxonomy.from_dict(description.taxonomy).names
    return [
        hashlib.sha256(weights).hexdigest(),
        f"{description.normalisation} {description.trained} {names}",
    ]


def normalisation_of(settings: TrainingSettings) -> Normalisation:
    """Return the normalisation of pictures, which belongs to the weights a run starts with."""
    if settings.initial_model:
        return read_description(find_model(settings.initial_model)).normalisation
    lite = settings.network.backbone.startswith("efficientnet_lite")
    return EFFICIENTNET_LITE_NORMALISATION if lite else SEMSEG_OD_NORMALISATION


def describe(settings: TrainingSettings, taxonomy: Taxonomy) -> ModelDescription:
    """Return the description of the model that a run makes."""
    return ModelDescription(
        name=settings.name,
        network=settings.network,
        normalisation=normalisation_of(settings),
        taxonomy=taxonomy.to_dict(),
        recognition=settings.recognition,
        decision=DecisionSettings(
            fusion=settings.fusion or build_recognition(settings.recognition).default_score,
            resolution=settings.resolution,
        ),
    )
