"""Outlier scores: small pure functions of class and outlier logits, and their fusion with labels.

Every score is a log-odds value, float, higher = more outlier; `torch.sigmoid` maps it to the
published probability in [0, 1] without changing the order. Log-odds keep their resolution where
probabilities saturate, which ranking measures need. Segmentation logits are (..., C, H, W),
outlier logits (..., 2, H, W) with channel 0 inlier and 1 outlier, scores (..., H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.heads import INLIER_CHANNEL, OUTLIER_CHANNEL
from ldn_openset_ros.score_names import NEEDS_STATISTICS, check_score
from ldn_openset_ros.settings import FROZEN

CHANNEL = -3

LOGIT_SCALE = 10.0
"""Divides scores that are logits, not log-odds: it brings -200 to 200 into the -20 to 20 that
ranking histograms resolve, and changes no order."""


@dataclass(frozen=True)
class ClassStatistics:
    """Mean and standard deviation of the largest logit, by predicted class, on training pictures.

    What the standardised max logit needs; one entry a class.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(value > 0 for value in self.std):
            raise OpenSetError(
                "class statistics need as many means as standard deviations, all above 0"
            )


def argmax_ids(segmentation: Tensor) -> Tensor:
    """Return the id of the largest class logit, the first of equals, uint8 (..., H, W).

    At most 255 classes. Comparing bytes is faster on a CPU than torch's argmax.
    """
    classes = segmentation.shape[CHANNEL]
    ranks = torch.arange(classes, 0, -1, dtype=torch.uint8, device=segmentation.device)
    is_best = segmentation >= segmentation.amax(CHANNEL, keepdim=True)
    best = is_best.view(torch.uint8).mul_(ranks[:, None, None]).amax(CHANNEL)
    return best.clamp_(min=1).neg_().add_(classes)


def log_sum_exp(segmentation: Tensor) -> Tensor:
    """Return log sum exp over the classes, by the kernel of softmax: faster than torch's own."""
    return segmentation.amax(CHANNEL) - segmentation.log_softmax(CHANNEL).amax(CHANNEL)


def outlier_probability(segmentation: Tensor | None, outlier: Tensor) -> Tensor:
    """OP: P(o = 1 | x) of the outlier head (the paper, section 3.3)."""
    return outlier.select(CHANNEL, OUTLIER_CHANNEL) - outlier.select(CHANNEL, INLIER_CHANNEL)


def max_softmax(segmentation: Tensor, outlier: Tensor | None = None) -> Tensor:
    """MSM: 1 - max softmax over the known classes (Hendrycks and Gimpel 2017)."""
    classes = torch.arange(segmentation.shape[CHANNEL], device=segmentation.device)
    is_best = argmax_ids(segmentation).unsqueeze(CHANNEL) == classes[:, None, None].byte()
    others = log_sum_exp(segmentation.masked_fill(is_best, -math.inf))
    return others - segmentation.amax(CHANNEL)


def outlier_probability_times_max_softmax(
    segmentation: Tensor, outlier: Tensor, exponent: float = 1.0
) -> Tensor:
    """OP x MSM: P(o = 1 | x) (1 - max_c P(y = c | x))^a (the paper, equation 2, where a = 1)."""
    log_probability = functional.logsigmoid(
        outlier_probability(segmentation, outlier)
    ) + exponent * functional.logsigmoid(max_softmax(segmentation))
    return log_probability - torch.log(-torch.expm1(log_probability))


def outlier_probability_plus_max_softmax(segmentation: Tensor, outlier: Tensor) -> Tensor:
    """Mean of OP and 1 - max softmax, after UNO (Delić, Grcić and Šegvić 2024)."""
    op, msm = outlier_probability(segmentation, outlier), max_softmax(segmentation)
    # log (p + q) - log ((1 - p) + (1 - q)): the halves cancel.
    is_outlier = torch.logaddexp(functional.logsigmoid(op), functional.logsigmoid(msm))
    is_inlier = torch.logaddexp(functional.logsigmoid(-op), functional.logsigmoid(-msm))
    return is_outlier - is_inlier


def dense_hybrid(segmentation: Tensor, outlier: Tensor) -> Tensor:
    """log OP - log sum exp of the class logits (Grcić, Bevandić and Šegvić 2022).

    In its own units: the training term (`loss_terms.density_term`) makes - log sum exp the
    log-odds of an outlier against all classes.
    """
    log_posterior = functional.logsigmoid(outlier_probability(segmentation, outlier))
    return log_posterior - log_sum_exp(segmentation)


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


def standardised_max_logit(
    segmentation: Tensor, outlier: Tensor | None = None, *, statistics: ClassStatistics
) -> Tensor:
    """Negative of the largest class logit, standardised by its class (SML, Jung et al. 2021)."""
    best, index = segmentation.max(CHANNEL)
    mean, std = (best.new_tensor(values) for values in (statistics.mean, statistics.std))
    return -(best - mean[index]) / std[index]


def energy(segmentation: Tensor, outlier: Tensor | None = None) -> Tensor:
    """Free energy, - log sum exp of the class logits (Liu et al. 2020), over LOGIT_SCALE."""
    return -log_sum_exp(segmentation) / LOGIT_SCALE


SCORES: dict[str, Callable[..., Tensor]] = {
    "op": outlier_probability,
    "msm": max_softmax,
    "op_x_msm": outlier_probability_times_max_softmax,
    "op_plus_msm": outlier_probability_plus_max_softmax,
    "dense_hybrid": dense_hybrid,
    "entropy": entropy,
    "max_logit": max_logit,
    "standardised_max_logit": standardised_max_logit,
    "energy": energy,
}


def find_score(
    name: str, exponent: float = 1.0, statistics: ClassStatistics | None = None
) -> Callable[[Tensor | None, Tensor | None], Tensor]:
    """Return a score by name as a function of class and outlier logits.

    exponent: the weight a of log MSM in `op_x_msm`. statistics: of `standardised_max_logit`.
    """
    if name == "op_x_msm":
        return partial(outlier_probability_times_max_softmax, exponent=exponent)
    if name in NEEDS_STATISTICS:
        return partial(standardised_max_logit, statistics=statistics)
    return SCORES[check_score(name)]


def fuse(labels: Tensor, probability: Tensor, threshold: float, outlier_id: int) -> Tensor:
    """Return the open-set map: `outlier_id` where the probability reaches the threshold.

    labels: uint8 (..., H, W) class ids; probability: float (..., H, W) in [0, 1].
    """
    return labels.where(probability < threshold, labels.new_tensor(outlier_id))
