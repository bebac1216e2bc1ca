"""C-way multi-class recognition: the closed set alone (Table 1, first row)."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.recognition.loss_terms import cross_entropy
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth


@dataclass(frozen=True)
class MultiClass(RecognitionModule):
    """Softmax over C classes, trained on inliers; outliers are where it is unsure (MSM)."""

    name = "multi_class"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the cross-entropy over the classes."""
        loss = cross_entropy(logits.segmentation, truth.labels)
        return PartLosses(loss, loss.new_zeros(()))
