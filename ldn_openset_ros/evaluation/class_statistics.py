"""Statistics of the largest logit by predicted class, for the standardised max logit (SML)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.inference.model_files import ModelDescription
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.scores import ClassStatistics

MIN_STD = 1e-3


def measure_class_statistics(
    network: OpenSetNetwork, description: ModelDescription, scenes: Sequence[Sample], count: int
) -> ClassStatistics | None:
    """Measure on `count` scenes spread evenly over the training set; None without classes.

    The network's training mode is restored. A class that is never predicted gets the statistics
    of all pixels together. Source: Jung et al. 2021, section 3.2.
    """
    was_training = network.training
    predictor = Predictor.of_network(
        network.eval(), description, next(network.parameters()).device
    )
    try:
        if not predictor.gives_classes:
            return None
        picked = np.unique(np.linspace(0, len(scenes) - 1, count).round().astype(int))
        return class_statistics(predictor, [scenes[int(index)] for index in picked])
    finally:
        network.train(was_training)


@torch.inference_mode()
def class_statistics(predictor: Predictor, scenes: Sequence[Sample]) -> ClassStatistics:
    """Return mean and standard deviation of the largest logit of every predicted class."""
    classes = predictor.taxonomy.num_classes
    count, total, squares = np.zeros(classes), np.zeros(classes), np.zeros(classes)
    for scene in scenes:
        best, index = (map_.cpu().numpy().ravel() for map_ in predictor.best_logit(scene.rgb))
        count += np.bincount(index, minlength=classes)
        total += np.bincount(index, best, classes)
        squares += np.bincount(index, best.astype(np.float64) ** 2, classes)
    everywhere = total.sum() / count.sum(), squares.sum() / count.sum()
    seen = count > 0
    mean = np.where(seen, total / np.maximum(count, 1), everywhere[0])
    square = np.where(seen, squares / np.maximum(count, 1), everywhere[1])
    std = np.sqrt(np.maximum(square - mean**2, MIN_STD**2))
    return ClassStatistics(
        tuple(round(float(value), 4) for value in mean),
        tuple(round(float(value), 4) for value in std),
    )
