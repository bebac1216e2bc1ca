"""How well outliers are ranked, and what the decision makes of it."""

from __future__ import annotations

from collections.abc import Sequence

from ldn_openset_ros.report.figures import count, decimal
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import Section, filled, missing_sentences, row, run_table
from ldn_openset_ros.report.tables import Cell, Column, estimate_cell, percent_cell


def ranking_section(runs: Sequence[Run]) -> Section:
    """Tables of AP, AUROC and FPR95, over all pixels, by image and by component."""
    ranking = run_table(
        runs,
        "Ranking of pixels, per cent, with 95 % bootstrap intervals over frames",
        "Score",
        (
            Column("AP", max),
            Column("AUROC", max),
            Column("FPR95", min),
            Column("Best-F1 threshold"),
            Column("Outlier pixels"),
            Column("Inlier pixels"),
        ),
        lambda run: [
            row(
                name,
                estimate_cell(score.average_precision),
                estimate_cell(score.auroc),
                estimate_cell(score.fpr95),
                Cell(decimal(score.best_f1_threshold)),
                Cell(count(score.positives)),
                Cell(count(score.negatives)),
            )
            for name, score in run.summary.scores.items()
        ],
    )
    per_image = run_table(
        runs,
        "Mean of the images' own measures, per cent: not to be compared with the ranking above",
        "Score",
        (Column("AP", max), Column("AUROC", max), Column("FPR95", min), Column("Images")),
        lambda run: [
            row(
                name,
                percent_cell(score.per_image.average_precision),
                percent_cell(score.per_image.auroc),
                percent_cell(score.per_image.fpr95),
                Cell(count(score.per_image.frames)),
            )
            for name, score in run.summary.scores.items()
            if score.per_image
        ],
        lambda run: f"mean of each image's own ranking; otherwise as in: {run.summary.protocol}",
    )
    components = run_table(
        runs,
        "Components after SegmentMeIfYouCan, per cent",
        "Score",
        (
            Column("Track"),
            Column("Threshold"),
            Column("sIoU", max),
            Column("PPV", max),
            Column("F1", max),
            Column("True"),
            Column("Predicted"),
        ),
        lambda run: [
            row(
                name,
                Cell(score.components.track),
                Cell(decimal(score.components.threshold)),
                percent_cell(score.components.mean_siou),
                percent_cell(score.components.mean_ppv),
                percent_cell(score.components.mean_f1),
                Cell(count(score.components.true_components)),
                Cell(count(score.components.predicted_components)),
            )
            for name, score in run.summary.scores.items()
            if score.components
        ],
    )
    return Section(
        "ranking",
        "Outlier ranking",
        remarks=missing_sentences(
            runs,
            lambda run: run.summary.scores,
            "No frame has outlier truth, so outliers cannot be ranked",
        ),
        tables=filled(ranking, per_image, components),
    )


def decision_section(runs: Sequence[Run]) -> Section:
    """Table of the published decision."""
    table = run_table(
        runs,
        "Rates, outlier share and expected calibration error (ECE) in per cent",
        "Score",
        (
            Column("Threshold"),
            Column("True-positive rate"),
            Column("False-positive rate"),
            Column("Called outlier"),
            Column("ECE", min),
        ),
        lambda run: (
            [
                row(
                    run.summary.decision.score,
                    Cell(decimal(run.summary.decision.threshold)),
                    percent_cell(run.summary.decision.true_positive_rate),
                    percent_cell(run.summary.decision.false_positive_rate),
                    percent_cell(run.summary.decision.outlier_share),
                    percent_cell(_calibration_error(run)),
                )
            ]
            if run.summary.decision
            else []
        ),
    )
    return Section(
        "decision",
        "Decision",
        "A pixel is called outlier where the probability of this score reaches this threshold.",
        missing_sentences(runs, lambda run: run.summary.decision, "No decision was evaluated")
        + missing_sentences(
            [run for run in runs if run.summary.decision],
            lambda run: run.summary.decision.true_positive_rate is not None,
            "Without outlier truth the decision has no rates",
        ),
        tables=filled(table),
    )


def _calibration_error(run: Run) -> float | None:
    calibration = run.summary.decision.calibration
    return calibration.expected_calibration_error if calibration else None
