"""The network and the description that a run starts with."""

from __future__ import annotations

import torch

from ldn_openset_ros.inference.model_files import (
    EFFICIENTNET_LITE_NORMALISATION,
    SEMSEG_OD_NORMALISATION,
    WEIGHTS_FILE,
    DecisionSettings,
    ModelDescription,
    find_model,
)
from ldn_openset_ros.nn.checkpoint import load_strictly, read_weights
from ldn_openset_ros.nn.efficient_net_lite import imagenet_weights_file, load_imagenet_weights
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.recognition.registry import build_recognition
from ldn_openset_ros.taxonomy import Taxonomy
from ldn_openset_ros.training.settings import TrainingSettings

HEAD_PREFIXES = ("heads.", "auxiliary_heads.")


def initial_network(settings: TrainingSettings) -> OpenSetNetwork:
    """Build the network as a run starts with it: random but for the weights the settings name."""
    torch.manual_seed(settings.seed)
    network = OpenSetNetwork(settings.network, auxiliary_heads=settings.loss.auxiliary > 0)
    if settings.imagenet_weights:
        name = settings.network.backbone
        load_imagenet_weights(network.backbone, imagenet_weights_file(name))
    if settings.initial_model:
        load_initial_model(network, settings.initial_model)
    return network


def load_initial_model(network: OpenSetNetwork, model: str) -> None:
    """Fill a network from a model's folder or name.

    A head that the model lacks, even in part, or has in another shape stays as it is, and so do
    the auxiliary heads, which a model's folder does not hold. Anything else that does not fit is
    an OpenSetError.
    """
    path = find_model(model) / WEIGHTS_FILE
    weights = read_weights(path)
    own = network.state_dict()
    heads = {name: tensor for name, tensor in own.items() if name.startswith(HEAD_PREFIXES)}
    # The norm of a head fits any number of classes, but is worth nothing without its convolution.
    anew = {
        head_of(name)
        for name, tensor in heads.items()
        if tensor.ndim and (name not in weights or weights[name].shape != tensor.shape)
    }
    kept = {name for name in heads if head_of(name) not in anew}
    fitting = {name: tensor for name, tensor in weights.items() if name in kept}
    body = {name: t for name, t in weights.items() if not name.startswith(HEAD_PREFIXES)}
    load_strictly(network, {**body, **heads, **fitting}, path)


def head_of(name: str) -> str:
    """Return the head that a parameter belongs to: heads.outlier of heads.outlier.conv.bias."""
    return name.rsplit(".", 2)[0]


def describe(settings: TrainingSettings, taxonomy: Taxonomy) -> ModelDescription:
    """Return the description of the model that a run makes."""
    lite = settings.network.backbone.startswith("efficientnet_lite")
    return ModelDescription(
        name=settings.name,
        network=settings.network,
        normalisation=EFFICIENTNET_LITE_NORMALISATION if lite else SEMSEG_OD_NORMALISATION,
        taxonomy=taxonomy.to_dict(),
        recognition=settings.recognition,
        decision=DecisionSettings(
            fusion=settings.fusion or build_recognition(settings.recognition).default_score,
            resolution=settings.resolution,
        ),
    )
