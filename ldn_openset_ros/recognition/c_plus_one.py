"""C+1-way recognition: negatives are one more class (Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.recognition.loss_terms import cross_entropy, outliers_as_class
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth

CHANNEL = -3


@dataclass(frozen=True)
class CPlusOne(RecognitionModule):
    """Softmax over C classes and the outlier, whose probability is the score."""

    name = "c_plus_one"
    segmentation_head = "classes_and_outlier"
    uses_negatives = True
    gives_outlier = True
    default_score = "op"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the cross-entropy over C + 1 classes."""
        num_classes = logits.segmentation.shape[CHANNEL] - 1
        target = outliers_as_class(truth.labels, truth.outlier, num_classes)
        loss = cross_entropy(logits.segmentation, target)
        return PartLosses(loss, loss.new_zeros(()))

    def interpret(self, logits: HeadLogits) -> HeadLogits:
        """Split the logits: softmax over (log sum exp of the classes, last) is P(class C + 1)."""
        num_classes = logits.segmentation.shape[CHANNEL] - 1
        classes, outlier = logits.segmentation.split([num_classes, 1], CHANNEL)
        known = classes.logsumexp(CHANNEL, keepdim=True)
        return HeadLogits(classes, torch.cat([known, outlier], CHANNEL))
