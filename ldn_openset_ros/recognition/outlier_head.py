"""The single outlier head: outliers without classes (Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.recognition.loss_terms import cross_entropy
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth


@dataclass(frozen=True)
class OutlierHead(RecognitionModule):
    """A two-way head alone, trained with noisy negatives; it knows no classes."""

    name = "outlier_head"
    segmentation_head = "none"
    outlier_head = True
    uses_negatives = True
    gives_classes = False
    gives_outlier = True
    default_score = "op"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the cross-entropy of the outlier head."""
        loss = cross_entropy(logits.outlier, truth.outlier)
        return PartLosses(loss.new_zeros(()), loss)
