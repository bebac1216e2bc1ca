"""Judge a network during training: validation scenes with pasted training negatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ldn_openset_ros.data.negatives import Negative
from ldn_openset_ros.data.pasting import ShareSettings
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.evaluation.evaluate import Evaluation, evaluate
from ldn_openset_ros.inference.model_files import ModelDescription
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.training.pictures import paste_negative
from ldn_openset_ros.training.settings import NegativeSettings

VALIDATION_PASTES = NegativeSettings(
    share=ShareSettings("log_uniform", 0.01, 0.1), shapes=("ellipse",)
)
SCORES = ("op", "msm", "op_x_msm")
"""The paper's; a recognition module that lacks one is judged by the others."""


class ValidationScenes(Sequence[Sample]):
    """Validation scenes with one training negative each, the same in every validation."""

    def __init__(
        self, scenes: Sequence[Sample], negatives: Sequence[Negative], every: int = 1
    ) -> None:
        """`every`: take each n-th scene."""
        self._scenes = scenes
        self._negatives = negatives
        self._places = range(0, len(scenes), every)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Sample:
        index = self._places[index]
        rng = np.random.default_rng(index)
        negative = self._negatives[int(rng.integers(len(self._negatives)))]
        return paste_negative(self._scenes[index], negative, VALIDATION_PASTES, rng)


def validate(
    network: OpenSetNetwork, description: ModelDescription, scenes: Sequence[Sample]
) -> Evaluation:
    """Evaluate the network as it stands; its training mode is restored."""
    was_training = network.training
    device = next(network.parameters()).device
    predictor = Predictor.of_network(network.eval(), description, device)
    try:
        with torch.inference_mode():
            wanted = dict.fromkeys((*SCORES, predictor.fusion))
            scores = [name for name in wanted if name in predictor.usable_scores]
            return evaluate(predictor, (scenes[i] for i in range(len(scenes))), scores)
    finally:
        network.train(was_training)
