"""Trained confidence (DeVries and Taylor 2018)."""

from __future__ import annotations

from dataclasses import dataclass

from torch.nn import functional

from ldn_openset_ros.nn.heads import INLIER_CHANNEL, OUTLIER_CHANNEL, HeadLogits
from ldn_openset_ros.recognition.loss_terms import hinted_cross_entropy, mean_over_inliers
from ldn_openset_ros.recognition.module import PartLosses, RecognitionModule, Truth


@dataclass(frozen=True)
class Confidence(RecognitionModule):
    """A second head says how far the classes can be trusted; trained on inliers.

    Its two channels stand for confidence c = P(inlier) and 1 - c, so the outlier score is OP. The
    outlier part of the loss is - log c, the price of asking for hints: its weight is the sources'
    lambda, kept fixed (they steer it by a budget).
    """

    name = "confidence"
    outlier_head = True
    gives_outlier = True
    default_score = "op"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the cross-entropy with hints and the price of the hints."""
        log_odds = logits.outlier[:, INLIER_CHANNEL] - logits.outlier[:, OUTLIER_CHANNEL]
        return PartLosses(
            hinted_cross_entropy(logits.segmentation, log_odds.sigmoid(), truth.labels),
            mean_over_inliers(functional.softplus(-log_odds), truth.labels),
        )
