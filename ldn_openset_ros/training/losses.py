"""The compound loss of any recognition module with its auxiliary heads (METHOD section 3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ldn_openset_ros.nn.heads import HeadLogits, upsample_logits
from ldn_openset_ros.nn.network import NetworkOutput
from ldn_openset_ros.recognition.loss_terms import density_term, soft_jaccard
from ldn_openset_ros.recognition.module import RecognitionModule, Truth
from ldn_openset_ros.training.settings import LossSettings


class LossParts(NamedTuple):
    """The loss and what it is made of, scalars."""

    total: Tensor
    segmentation: Tensor
    outlier: Tensor
    auxiliary: Tensor


def compound_loss(
    output: NetworkOutput, truth: Truth, recognition: RecognitionModule, settings: LossSettings
) -> LossParts:
    """Combine main and auxiliary losses: m (L_cls + o L_od) + a L_aux.

    L_aux is the mean over the auxiliary heads of the same sum on soft targets.
    """
    size = truth.labels.shape[-2:]
    classes, outlier = recognition.losses(upsample_logits(output.main, size), truth)
    if settings.jaccard:
        classes = classes + settings.jaccard * soft_jaccard(
            class_logits(output.main, recognition), truth.labels
        )
    if settings.density:
        outlier = outlier + settings.density * density_term(
            class_logits(output.main, recognition), truth.outlier
        )
    parts = [recognition.losses(heads, truth) for heads in output.auxiliary]
    auxiliary = [part.classes + settings.outlier * part.outlier for part in parts]
    auxiliary_loss = torch.stack(auxiliary).mean() if auxiliary else classes.new_zeros(())
    total = (
        settings.main * (classes + settings.outlier * outlier)
        + settings.auxiliary * auxiliary_loss
    )
    return LossParts(total, classes, outlier, auxiliary_loss)


def in_float32(output: NetworkOutput) -> NetworkOutput:
    """Return the logits in float32."""
    main, *auxiliary = (
        HeadLogits(*(None if tensor is None else tensor.float() for tensor in logits))
        for logits in (output.main, *output.auxiliary)
    )
    return NetworkOutput(main, tuple(auxiliary))


def class_logits(logits: HeadLogits, recognition: RecognitionModule) -> Tensor:
    """Return the C class logits, which `TrainingSettings` has made sure of."""
    return recognition.interpret(logits).segmentation
