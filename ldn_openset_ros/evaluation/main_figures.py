"""The main figures of an evaluation as plain values: what `--json` has always told."""

from __future__ import annotations

from dataclasses import asdict

from ldn_openset_ros.evaluation.summary import RunSummary, ScoreSummary, without_nan

RANKING = ("average_precision", "auroc", "fpr95")


def main_figures(summary: RunSummary) -> dict:
    """Return fractions from 0 to 1, None where undefined, and the whole summary below them."""
    segmentation = summary.segmentation
    return {
        "model": summary.configuration.get("model"),
        "protocol": summary.protocol,
        "frames": summary.frames,
        "mean_iou": segmentation.mean_iou.value if segmentation else None,
        "class_iou": segmentation.class_iou if segmentation else None,
        "ranking": {name: _ranking(score) for name, score in summary.scores.items()},
        "best_f1_thresholds": {n: s.best_f1_threshold for n, s in summary.scores.items()},
        "summary": without_nan(asdict(summary)),
    }


def _ranking(score: ScoreSummary) -> dict:
    measures = {name: getattr(score, name).value for name in RANKING}
    return {**measures, "positives": score.positives, "negatives": score.negatives}
