"""Dense loss terms on logits in the pictures' size or coarser (METHOD section 3).

Coarse logits are compared with the distribution of the true classes in their stride x stride
window. A window with half or more of its pixels ignored does not count, and the distribution is
renormalised without them. Every term is a mean over the positions that count, zero where none
does; with several processes over those of all, so that averaged gradients are those of one
process with the whole batch. Logits are (N, K, h, w), targets int64 (N, H, W) with ignore 255,
H = h x stride.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.nn.processes import mean_over_processes
from ldn_openset_ros.taxonomy import IGNORE_INDEX

MIN_VALID_SHARE = 0.5


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of the softmax over K classes."""
    log_likelihood, valid = expectation(functional.log_softmax(logits, 1), target)
    return -_mean(log_likelihood, valid)


def uniform_cross_entropy(logits: Tensor, outlier: Tensor) -> Tensor:
    """Return the mean cross-entropy to the uniform distribution in negatives.

    Outlier exposure (Hendrycks, Mazeika and Dietterich 2019). outlier: 0 inlier, 1 outlier.
    """
    to_uniform = -functional.log_softmax(logits, 1).mean(1)
    return _mean(to_uniform, _outlier_share(to_uniform, outlier))


def one_versus_all(logits: Tensor, labels: Tensor, outlier: Tensor) -> Tensor:
    """Return the mean over positions of the sum of K binary cross-entropies.

    Negatives are no example of any class.
    """
    num_classes = logits.shape[1]
    scores = torch.cat([logits, torch.zeros_like(logits[:, :1])], 1)
    true_score, valid = expectation(scores, outliers_as_class(labels, outlier, num_classes))
    return _mean(functional.softplus(logits).sum(1) - true_score, valid)


def hinted_cross_entropy(logits: Tensor, confidence: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of c p + (1 - c) y (DeVries and Taylor 2018, equation 2).

    Every second picture of the batch gets no hint (c = 1), or the classes would be learnt from
    hints. confidence: (N, h, w) in [0, 1].
    """
    true_probability, valid = expectation(logits.softmax(1), labels)
    hinted = (torch.arange(len(logits), device=logits.device) % 2 == 0).view(-1, 1, 1)
    confidence = torch.where(hinted, confidence, torch.ones_like(confidence))
    mixed = confidence * true_probability + (1 - confidence)
    return _mean(-mixed.clamp(min=torch.finfo(mixed.dtype).tiny).log(), valid)


def mean_over_inliers(values: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of (N, h, w) values over positions with a known class."""
    valid = expectation(values[:, None], labels.where(labels == IGNORE_INDEX, 0))[1]
    return _mean(values, valid)


def soft_jaccard(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - the mean over the batch's classes of a differentiable intersection over union.

    Rahman and Wang (2016), over all positions of the batch together, so that rare classes weigh
    as much as frequent ones.
    """
    distribution, valid = soft_targets(labels, logits.shape[1], stride_of(logits, labels))
    mask = valid[:, None].to(logits.dtype)
    probability = logits.softmax(1) * mask
    target = distribution * mask
    intersection = (probability * target).sum((0, 2, 3))
    union = (probability + target - probability * target).sum((0, 2, 3))
    present = (target.sum((0, 2, 3)) > 0).to(logits.dtype)
    share = intersection / union.clamp(min=torch.finfo(logits.dtype).tiny)
    return (present * (1 - share)).sum() / present.sum().clamp(min=1)


def density_term(logits: Tensor, outlier: Tensor) -> Tensor:
    """Return DenseHybrid's push against density in negatives (Grcić, Bevandić, Šegvić 2022).

    The mean over negatives of log(1 + sum exp logits): their log p(x) with a floor at zero, since
    the plain log sum exp has no lower bound.
    """
    density = functional.softplus(logits.logsumexp(1))
    return _mean(density, _outlier_share(density, outlier) > MIN_VALID_SHARE)


def outliers_as_class(labels: Tensor, outlier: Tensor, class_id: int) -> Tensor:
    """Return the labels with outlier pixels as one more class."""
    return labels.where(outlier != 1, class_id)


def expectation(values: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of (N, K, h, w) values under the true classes, and which positions count.

    Returns float (N, h, w) and bool (N, h, w).
    """
    if values.shape[-2:] == target.shape[-2:]:
        valid = target != IGNORE_INDEX
        return values.gather(1, target.where(valid, 0)[:, None])[:, 0], valid
    distribution, valid = soft_targets(target, values.shape[1], stride_of(values, target))
    return (distribution * values).sum(1), valid


def soft_targets(target: Tensor, num_classes: int, stride: int) -> tuple[Tensor, Tensor]:
    """Return the class distribution of every stride x stride window and which windows count.

    Returns float (N, K, h, w), renormalised without the ignored pixels (zero in windows without
    any valid one), and bool (N, h, w).
    """
    classes = torch.arange(num_classes, device=target.device).view(1, -1, 1, 1)
    # Ignored pixels equal no class, so they add nothing to their window.
    shares = functional.avg_pool2d((target[:, None] == classes).float(), stride)
    valid_share = shares.sum(1, keepdim=True)
    distribution = shares / valid_share.clamp(min=torch.finfo(shares.dtype).tiny)
    return distribution, valid_share[:, 0] > MIN_VALID_SHARE


def stride_of(logits: Tensor, target: Tensor) -> int:
    """Return how many target pixels a logit spans a side; a size that does not fit is an error."""
    stride = target.shape[-1] // logits.shape[-1]
    if (logits.shape[-2] * stride, logits.shape[-1] * stride) != tuple(target.shape[-2:]):
        raise ValueError(
            f"targets {tuple(target.shape)} do not match logits {tuple(logits.shape)}: "
            "crops must be multiples of 32"
        )
    return stride


def _outlier_share(values: Tensor, outlier: Tensor) -> Tensor:
    is_outlier = (outlier == 1).to(values.dtype)
    stride = stride_of(values, outlier)
    return functional.avg_pool2d(is_outlier[:, None], stride)[:, 0] if stride > 1 else is_outlier


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    total = mean_over_processes(weight.sum().to(values.dtype))
    return (values * weight).sum() / total.clamp(min=torch.finfo(values.dtype).tiny)
