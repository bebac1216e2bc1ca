"""What int8 costs: the measures of two precisions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ldn_openset_ros.evaluation.summary import Estimate, RunSummary

MEASURES = ("average_precision", "fpr95", "mean_iou")


@dataclass(frozen=True)
class Loss:
    """A measure in both precisions, fractions from 0 to 1."""

    float32: float
    int8: float
    loss: float
    """By how much int8 is worse; negative where it is better."""


def losses(float32: RunSummary, int8: RunSummary, score: str) -> dict[str, Loss]:
    """Return what int8 loses by measure, of those of MEASURES that the test set defines."""
    before, after = (_values(summary, score) for summary in (float32, int8))
    found = {}
    for name, estimate in before.items():
        one, two = estimate.value, after[name].value
        if one is not None and two is not None:
            worse = two - one if name == "fpr95" else one - two
            found[name] = Loss(one, two, worse)
    return found


def _values(summary: RunSummary, score: str) -> Mapping[str, Estimate]:
    values = {}
    if score in summary.scores:
        ranked = summary.scores[score]
        values |= {name: getattr(ranked, name) for name in ("average_precision", "fpr95")}
    if summary.segmentation is not None:
        values["mean_iou"] = summary.segmentation.mean_iou
    return values
