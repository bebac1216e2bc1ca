"""Charts of the ranking: curves, scores, and outliers by size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ldn_openset_ros.evaluation.summary import ScoreSummary
from ldn_openset_ros.report import charts
from ldn_openset_ros.report.figures import UNDEFINED, count, is_defined, percent, share_range
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import (
    LegendEntry,
    RankedScore,
    Section,
    filled,
    legend_of,
    missing_sentences,
    ranked_scores,
    row,
    run_table,
    small_chart,
)
from ldn_openset_ros.report.tables import Cell, Column


def curves_section(runs: Sequence[Run]) -> Section:
    """Precision-recall, ROC and reliability."""
    ranked = ranked_scores(runs)
    calibrated = [
        (run.label, index, run.summary.decision.calibration)
        for index, run in enumerate(runs)
        if run.summary.decision and run.summary.decision.calibration
    ]
    drawn = []
    if ranked:
        precision_recall = [entry.score.precision_recall for entry in ranked]
        roc = [entry.score.roc for entry in ranked]
        drawn = [
            small_chart(
                "Precision and recall",
                "precision-recall",
                _measured(ranked, "AP", lambda score: score.average_precision.value),
                partial(charts.draw_precision_recall, curves=precision_recall),
            ),
            small_chart(
                "ROC; dotted: chance, and the level of FPR95",
                "roc",
                _measured(ranked, "AUROC", lambda score: score.auroc.value),
                partial(charts.draw_roc, curves=roc),
            ),
        ]
    # The reliability of a run has the colour of the score that it decides by.
    if calibrated:
        places = [(_decided(runs[index], ranked, index), entry) for _, index, entry in calibrated]
        drawn.append(
            small_chart(
                "Reliability; dotted: true to its word",
                "reliability",
                ", ".join(
                    f"{label}: score of the decision, expected calibration error "
                    f"{percent(entry.expected_calibration_error)} %"
                    for label, _, entry in calibrated
                ),
                partial(charts.draw_reliability, calibrations=places),
            )
        )
    return Section(
        "curves",
        "Curves",
        remarks=missing_sentences(
            runs, lambda run: run.summary.scores, "Curves need outlier truth, and there is none"
        )
        + missing_sentences(
            runs,
            lambda run: run.summary.decision and run.summary.decision.calibration,
            "Reliability was not measured: it needs a decision and outlier truth",
        ),
        legend=legend_of([entry.label for entry in ranked]),
        charts=tuple(drawn),
    )


def histogram_section(runs: Sequence[Run]) -> Section:
    """How far the scores of inliers and outliers lie apart."""
    ranked = ranked_scores(runs)
    return Section(
        "histograms",
        "Scores of inliers and outliers",
        "Pixels by the log-odds of each score, counted on a logarithmic scale. The end bins hold "
        "all that lies beyond."
        if ranked
        else "",
        missing_sentences(
            runs,
            lambda run: run.summary.scores,
            "Without outlier truth inliers and outliers cannot be told apart",
        ),
        (LegendEntry("inliers", charts.INLIERS + 1), LegendEntry("outliers", charts.OUTLIERS + 1))
        if ranked
        else (),
        tuple(
            small_chart(
                entry.label,
                f"histogram-{index}",
                f"{count(entry.score.negatives)} inlier and {count(entry.score.positives)} "
                "outlier pixels by log-odds",
                partial(charts.draw_histogram, histogram=entry.score.histogram),
            )
            for index, entry in enumerate(ranked)
        ),
    )


def area_section(runs: Sequence[Run]) -> Section:
    """AP and FPR95 against the outlier's size."""
    ranked = ranked_scores(runs)
    series = [entry.score.by_area for entry in ranked]
    bins = sorted({(area.lower, area.upper) for areas in series for area in areas})
    missing = missing_sentences(
        runs,
        lambda run: any(score.by_area for score in run.summary.scores.values()),
        "Outliers were not ranked by size: it needs outlier truth and must be asked for",
    )
    if not bins:
        return Section("size", "Outliers by size", remarks=missing)
    measures = (
        ("average_precision", "AP", "AP as it is: low where outliers are rare"),
        ("matched_average_precision", "matched AP", "AP at the whole set's share of outliers"),
        ("fpr95", "FPR95", "FPR95"),
    )
    objects = run_table(
        runs,
        "Outliers by their share of the picture",
        "Share of the picture, %",
        (Column("Objects"), Column("Pixels")),
        lambda run: [
            row(
                share_range(area.lower, area.upper),
                Cell(count(area.objects)),
                Cell(count(area.positives)),
            )
            for score in list(run.summary.scores.values())[:1]
            for area in score.by_area
        ],
    )
    return Section(
        "size",
        "Outliers by size",
        "The pixels of outliers of each size against all inlier pixels.",
        missing,
        legend_of([entry.label for entry in ranked]),
        tuple(
            small_chart(
                title,
                f"size-{measure.replace('_', '-')}",
                f"{name} by the outlier's share of the picture",
                partial(charts.draw_by_area, series=series, bins=bins, measure=measure, name=name),
            )
            for measure, name, title in measures
        ),
        filled(objects),
    )


def _decided(run: Run, ranked: Sequence[RankedScore], index: int) -> int:
    """Return the series of the score that a run decides by, or the run's own index."""
    wanted = run.summary.scores.get(run.summary.decision.score)
    places = [place for place, entry in enumerate(ranked) if entry.score is wanted]
    return places[0] if places else index


def _measured(
    ranked: Sequence[RankedScore], name: str, value: Callable[[ScoreSummary], float | None]
) -> str:
    return ", ".join(
        f"{entry.label}: {name} "
        + (f"{percent(value(entry.score))} %" if is_defined(value(entry.score)) else UNDEFINED)
        for entry in ranked
    )
