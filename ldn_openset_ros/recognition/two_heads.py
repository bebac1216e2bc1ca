"""Two heads on shared features: the paper's LDN_BIN."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.recognition.loss_terms import cross_entropy
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth


@dataclass(frozen=True)
class TwoHeads(RecognitionModule):
    """C-way head and two-way outlier head, trained with noisy negatives (Figure 5)."""

    name = "two_heads"
    outlier_head = True
    uses_negatives = True
    gives_outlier = True
    default_score = "op_x_msm"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the cross-entropies of both heads; negatives never touch that of the classes."""
        return PartLosses(
            cross_entropy(logits.segmentation, truth.labels),
            cross_entropy(logits.outlier, truth.outlier),
        )
