"""What every recognition module answers: its heads, its losses, its logits at inference."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from torch import Tensor

from ldn_openset_ros.nn.heads import HeadLogits, SegmentationHead
from ldn_openset_ros.nn.network import OpenSetNetwork


class Truth(NamedTuple):
    """Truth of a batch in the pictures' size."""

    labels: Tensor
    """int64 (N, H, W) class ids 0..C-1, ignore 255 (void and every outlier pixel)."""
    outlier: Tensor
    """int64 (N, H, W), 0 inlier, 1 outlier, ignore 255."""


class PartLosses(NamedTuple):
    """Losses of one pair of heads, scalars; the outlier part is weighted by the caller."""

    classes: Tensor
    outlier: Tensor


class RecognitionModule:
    """One way to tell known classes and outliers apart.

    Training, evaluation, export and the node use nothing else of it. The logits of every module
    are brought to one form by `interpret`: C class logits and two-way outlier logits.
    """

    name: ClassVar[str]
    segmentation_head: ClassVar[SegmentationHead] = "classes"
    outlier_head: ClassVar[bool] = False
    uses_negatives: ClassVar[bool] = False
    """Whether negatives take part in the training."""
    single_pass: ClassVar[bool] = True
    gives_classes: ClassVar[bool] = True
    """Whether `interpret` returns class logits."""
    gives_outlier: ClassVar[bool] = False
    """Whether `interpret` returns outlier logits, which the score OP and its kin need."""
    default_score: ClassVar[str] = "msm"

    def losses(self, logits: HeadLogits, truth: Truth) -> PartLosses:
        """Return the losses of logits in the pictures' size or a fraction 1/stride of it."""
        raise NotImplementedError

    def infer(self, network: OpenSetNetwork, image: Tensor) -> HeadLogits:
        """Return the heads' logits for normalised pictures (N, 3, H, W), at stride 4."""
        return network(image).main

    def interpret(self, logits: HeadLogits) -> HeadLogits:
        """Return C class logits and two-way outlier logits, None where the module has none."""
        return logits
