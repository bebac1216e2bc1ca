"""C-way recognition with outlier exposure: the paper's LDN_OE."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.recognition.loss_terms import cross_entropy, uniform_cross_entropy
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth


@dataclass(frozen=True)
class OutlierExposure(RecognitionModule):
    """Softmax over C classes that is taught to be uniform in negatives."""

    name = "outlier_exposure"
    uses_negatives = True

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the cross-entropies to the class in inliers, to uniform in negatives."""
        return PartLosses(
            cross_entropy(logits.segmentation, truth.labels),
            uniform_cross_entropy(logits.segmentation, truth.outlier),
        )
