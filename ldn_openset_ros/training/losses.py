"""The two-head loss with its auxiliary terms (METHOD section 3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.nn.layers import upsample
from ldn_openset_ros.nn.network import NetworkOutput
from ldn_openset_ros.taxonomy import IGNORE_INDEX
from ldn_openset_ros.training.settings import LossSettings

MIN_VALID_SHARE = 0.5


class LossParts(NamedTuple):
    """The loss and what it is made of, scalars."""

    total: Tensor
    segmentation: Tensor
    outlier: Tensor
    auxiliary: Tensor


def two_head_loss(
    output: NetworkOutput, labels: Tensor, outlier: Tensor, settings: LossSettings
) -> LossParts:
    """Combine main and auxiliary losses: m (L_cls + o L_od) + a L_aux.

    labels: int64 (N, H, W) class ids, ignore 255 (void and every outlier pixel).
    outlier: int64 (N, H, W), 0 inlier, 1 outlier, ignore 255.
    L_aux is the mean over the auxiliary heads of the same sum on soft targets.
    """
    size = labels.shape[-2:]
    segmentation_loss = pixel_cross_entropy(upsample(output.main.segmentation, size), labels)
    outlier_loss = pixel_cross_entropy(upsample(output.main.outlier, size), outlier)
    logits = output.main.segmentation
    if settings.jaccard:
        shares, valid = soft_targets(labels, logits.shape[1], size[1] // logits.shape[-1])
        segmentation_loss = segmentation_loss + settings.jaccard * soft_jaccard(
            logits, shares, valid
        )
    if settings.density:
        stride = size[1] // logits.shape[-1]
        negative = functional.avg_pool2d((outlier == 1).float(), stride) > 0.5
        outlier_loss = outlier_loss + settings.density * density_term(logits, negative)
    parts = [
        soft_cross_entropy(heads.segmentation, labels)
        + settings.outlier * soft_cross_entropy(heads.outlier, outlier)
        for heads in output.auxiliary
    ]
    auxiliary_loss = torch.stack(parts).mean() if parts else segmentation_loss.new_zeros(())
    total = (
        settings.main * (segmentation_loss + settings.outlier * outlier_loss)
        + settings.auxiliary * auxiliary_loss
    )
    return LossParts(total, segmentation_loss, outlier_loss, auxiliary_loss)


def pixel_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy over pixels that are not ignored; zero where all are.

    logits: (N, K, H, W); target: int64 (N, H, W), ignore 255.
    """
    summed = functional.cross_entropy(logits, target, ignore_index=IGNORE_INDEX, reduction="sum")
    return summed / (target != IGNORE_INDEX).sum().clamp(min=1)


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of coarse logits with each window's class distribution.

    logits: (N, K, h, w); target: int64 (N, H, W), ignore 255, H = h x stride. Windows with half
    or more of their pixels ignored do not count; zero where none counts.
    """
    stride = target.shape[-1] // logits.shape[-1]
    distribution, valid = soft_targets(target, logits.shape[1], stride)
    if distribution.shape != logits.shape:
        raise ValueError(
            f"targets {tuple(distribution.shape)} do not match logits {tuple(logits.shape)}: "
            "crops must be multiples of 32"
        )
    per_window = -(distribution * functional.log_softmax(logits, 1)).sum(1)
    return (per_window * valid).sum() / valid.sum().clamp(min=1)


def soft_targets(target: Tensor, num_classes: int, stride: int) -> tuple[Tensor, Tensor]:
    """Return the class distribution of every stride x stride window and which windows count.

    target: int64 (N, H, W), ignore 255. Returns float (N, K, h, w), renormalised without the
    ignored pixels (zero in windows without any valid one), and bool (N, h, w).
    """
    classes = torch.arange(num_classes, device=target.device).view(1, -1, 1, 1)
    # Ignored pixels equal no class, so they add nothing to their window.
    shares = functional.avg_pool2d((target[:, None] == classes).float(), stride)
    valid_share = shares.sum(1, keepdim=True)
    distribution = shares / valid_share.clamp(min=torch.finfo(shares.dtype).tiny)
    return distribution, valid_share[:, 0] > MIN_VALID_SHARE


def soft_jaccard(logits: Tensor, distribution: Tensor, valid: Tensor) -> Tensor:
    """Return 1 - the mean over the batch's classes of a differentiable intersection over union.

    Rahman and Wang (2016), over all windows of the batch together, so that rare classes weigh as
    much as frequent ones. logits, distribution: (N, C, h, w); valid: bool (N, h, w).
    """
    mask = valid[:, None].to(logits.dtype)
    probability = logits.softmax(1) * mask
    target = distribution * mask
    intersection = (probability * target).sum((0, 2, 3))
    union = (probability + target - probability * target).sum((0, 2, 3))
    present = (target.sum((0, 2, 3)) > 0).to(logits.dtype)
    share = intersection / union.clamp(min=torch.finfo(logits.dtype).tiny)
    return (present * (1 - share)).sum() / present.sum().clamp(min=1)


def density_term(logits: Tensor, negative: Tensor) -> Tensor:
    """Return DenseHybrid's push against density in negatives (Grcic, Bevandic, Segvic 2022).

    The mean over negatives of log(1 + sum exp logits): their log p(x) with a floor at zero, since
    the plain log sum exp has no lower bound. logits: (N, C, h, w); negative: bool (N, h, w).
    """
    density = functional.softplus(logits.logsumexp(1)) * negative
    return density.sum() / negative.sum().clamp(min=1)
