"""Outlier scores: small pure functions of the two heads' logits, and their fusion with labels.

Every score is a log-odds value, float, higher = more outlier; `torch.sigmoid` maps it to the
published probability in [0, 1] without changing the order. Log-odds keep their resolution where
probabilities saturate, which ranking measures need. Segmentation logits are (..., C, H, W),
outlier logits (..., 2, H, W) with channel 0 inlier and 1 outlier, scores (..., H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.heads import INLIER_CHANNEL, OUTLIER_CHANNEL

CHANNEL = -3

LOGIT_SCALE = 10.0
"""Divides scores that are logits, not log-odds: it brings -200 to 200 into the -20 to 20 that
ranking histograms resolve, and changes no order."""


def outlier_probability(segmentation: Tensor, outlier: Tensor) -> Tensor:
    """OP: P(o = 1 | x) of the outlier head (the paper, section 3.3)."""
    return outlier.select(CHANNEL, OUTLIER_CHANNEL) - outlier.select(CHANNEL, INLIER_CHANNEL)


def max_softmax(segmentation: Tensor, outlier: Tensor | None = None) -> Tensor:
    """MSM: 1 - max softmax over the known classes (Hendrycks and Gimpel 2017)."""
    best, index = segmentation.max(CHANNEL, keepdim=True)
    others = segmentation.scatter(CHANNEL, index, -math.inf).logsumexp(CHANNEL)
    return others - best.squeeze(CHANNEL)


def outlier_probability_times_max_softmax(segmentation: Tensor, outlier: Tensor) -> Tensor:
    """OP x MSM: P(o = 1 | x) (1 - max_c P(y = c | x)) (the paper, equation 2)."""
    log_probability = functional.logsigmoid(
        outlier_probability(segmentation, outlier)
    ) + functional.logsigmoid(max_softmax(segmentation))
    return log_probability - torch.log(-torch.expm1(log_probability))


def entropy(segmentation: Tensor, outlier: Tensor | None = None) -> Tensor:
    """Entropy of the softmax over the known classes, divided by log C."""
    log_softmax = functional.log_softmax(segmentation, CHANNEL)
    nats = -(log_softmax.exp() * log_softmax).sum(CHANNEL)
    share = nats / math.log(segmentation.shape[CHANNEL])
    limits = torch.finfo(share.dtype)
    share = share.clamp(limits.tiny, 1 - limits.eps)
    return share.log() - torch.log1p(-share)


def max_logit(segmentation: Tensor, outlier: Tensor | None = None) -> Tensor:
    """Negative of the largest class logit (Hendrycks et al. 2022), divided by LOGIT_SCALE."""
    return -segmentation.amax(CHANNEL) / LOGIT_SCALE


def energy(segmentation: Tensor, outlier: Tensor | None = None) -> Tensor:
    """Free energy, - log sum exp of the class logits (Liu et al. 2020), over LOGIT_SCALE."""
    return -segmentation.logsumexp(CHANNEL) / LOGIT_SCALE


SCORES: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {
    "op": outlier_probability,
    "msm": max_softmax,
    "op_x_msm": outlier_probability_times_max_softmax,
    "entropy": entropy,
    "max_logit": max_logit,
    "energy": energy,
}
SCORE_NAMES = tuple(SCORES)
NEEDS_OUTLIER_HEAD = frozenset({"op", "op_x_msm"})


def find_score(name: str, has_outlier_head: bool = True) -> Callable[..., Tensor]:
    """Return a score by name; raises OpenSetError where it is unknown or the head is missing."""
    if name not in SCORES:
        raise OpenSetError(f"unknown fusion {name!r}: choose one of {', '.join(SCORE_NAMES)}")
    if name in NEEDS_OUTLIER_HEAD and not has_outlier_head:
        usable = ", ".join(n for n in SCORE_NAMES if n not in NEEDS_OUTLIER_HEAD)
        raise OpenSetError(
            f"fusion {name!r} needs an outlier head, which this model lacks: choose {usable}"
        )
    return SCORES[name]


def check_threshold(threshold: float) -> float:
    """Return the threshold; raises OpenSetError where it is outside [0, 1]."""
    if not 0 <= threshold <= 1:
        raise OpenSetError(f"threshold is {threshold}: give a value from 0 to 1")
    return threshold


def fuse(labels: Tensor, probability: Tensor, threshold: float, outlier_id: int) -> Tensor:
    """Return the open-set map: `outlier_id` where the probability reaches the threshold.

    labels: uint8 (..., H, W) class ids; probability: float (..., H, W) in [0, 1].
    """
    return labels.where(probability < threshold, labels.new_tensor(outlier_id))
