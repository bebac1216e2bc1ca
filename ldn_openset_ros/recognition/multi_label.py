"""C-way multi-label recognition: one sigmoid a class (Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.recognition.loss_terms import one_versus_all
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth

CHANNEL = -3


@dataclass(frozen=True)
class MultiLabel(RecognitionModule):
    """C sigmoids, one versus all; outliers are where none fires: 1 - max sigmoid."""

    name = "multi_label"
    uses_negatives = True
    gives_outlier = True
    default_score = "op"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the sum of the binary cross-entropies; in negatives every class is absent."""
        loss = one_versus_all(logits.segmentation, truth.labels, truth.outlier)
        return PartLosses(loss, loss.new_zeros(()))

    def interpret(self, logits: HeadLogits) -> HeadLogits:
        """Add two-way logits whose P(outlier) is 1 - max sigmoid."""
        surest = logits.segmentation.amax(CHANNEL, keepdim=True)
        outlier = torch.cat([surest, torch.zeros_like(surest)], CHANNEL)
        return HeadLogits(logits.segmentation, outlier)
