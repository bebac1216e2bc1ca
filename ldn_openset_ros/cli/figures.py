"""The figures of one or several evaluations for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table

from ldn_openset_ros.evaluation.summary import (
    Estimate,
    RunSummary,
    ScoreSummary,
    SegmentationSummary,
    TimingSummary,
)

RANKING_COLUMNS = {"AP": "average_precision", "AUROC": "auroc", "FPR95": "fpr95"}
MISSING = "-"


def print_figures(console: Console, runs: Mapping[str, RunSummary], title: str) -> None:
    """Print one table of all runs, by their names, with the protocol of each below."""
    if any(run.scores for run in runs.values()):
        console.print(figures_table(runs, title))
    else:
        console.print(title, highlight=False, markup=False)
    for line in notes(runs):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def figures_table(runs: Mapping[str, RunSummary], title: str) -> Table:
    """Return measures in per cent with their 95 % intervals, one row a run and score."""
    table = Table(title=title)
    if len(runs) > 1:
        table.add_column("run")
    table.add_column("score")
    for name in RANKING_COLUMNS:
        table.add_column(name, justify="right")
    for name, run in runs.items():
        for score_name, score in run.scores.items():
            cells = (percent(getattr(score, field)) for field in RANKING_COLUMNS.values())
            table.add_row(*([name] if len(runs) > 1 else []), score_name, *cells)
        table.add_section()
    return table


def notes(runs: Mapping[str, RunSummary]) -> list[str]:
    """Return lines with what a table has no room for: protocol, decision, variants, faults."""
    lines = []
    for name, run in runs.items():
        start = f"{name}: " if len(runs) > 1 else ""
        lines += [start + line for line in _notes(run)]
    return lines


def live_note(timing: TimingSummary) -> str:
    """Return in one line what became of the images of a live run, and how fast."""
    line = (
        f"images: sent {timing.sent}, answered {timing.received}, dropped "
        f"{timing.sent - timing.received}"
    )
    found = timing.stages.get("end_to_end")
    if found is None:
        return line
    return f"{line}; end to end: median {found.p50:.1f} ms, 95th percentile {found.p95:.1f} ms"


def _notes(run: RunSummary) -> Iterator[str]:
    yield f"protocol: {run.protocol}"
    if run.segmentation is not None:
        yield f"segmentation: {', '.join(_segmentation(run.segmentation))}"
    if run.class_mismatch:
        yield f"segmentation: {run.class_mismatch}"
    if run.decision is not None:
        decision = run.decision
        rates = (
            ("outlier share", decision.outlier_share),
            ("true-positive rate", decision.true_positive_rate),
            ("false-positive rate", decision.false_positive_rate),
        )
        known = ", ".join(f"{what} {100 * rate:.2f} %" for what, rate in rates if rate is not None)
        yield f"decision: {decision.score} from {decision.threshold:.4g} on; {known}"
    for name, score in run.scores.items():
        yield from _variants(name, score)
    if run.faults:
        counts = ", ".join(f"{kind} {count}" for kind, count in run.faults.items())
        yield f"faults, named in faults.jsonl: {counts}"


def _segmentation(found: SegmentationSummary) -> Iterator[str]:
    measures = {
        "mIoU": found.mean_iou,
        "open-set mIoU": found.open_set_mean_iou,
        "category mIoU": found.category_mean_iou,
        "mean iIoU": found.mean_instance_iou,
        "category iIoU": found.category_mean_instance_iou,
    }
    for name, estimate in measures.items():
        if estimate is not None:
            yield f"{name} {percent(estimate, ' ')}"


def _variants(name: str, score: ScoreSummary) -> Iterator[str]:
    if score.per_image is not None:
        found = score.per_image
        yield (
            f"{name}, mean of {found.frames} per-image measures: AP "
            f"{_number(found.average_precision)}, AUROC {_number(found.auroc)}, FPR95 "
            f"{_number(found.fpr95)}"
        )
    if score.components is not None:
        found = score.components
        yield (
            f"{name}, components of the {found.track} track from {found.threshold:.4g} on: mean "
            f"sIoU {_number(found.mean_siou)}, mean PPV {_number(found.mean_ppv)}, mean F1 "
            f"{_number(found.mean_f1)}"
        )


def percent(estimate: Estimate | None, separator: str = "\n") -> str:
    """Return an estimate in per cent with its interval, which is put behind a separator."""
    if estimate is None or estimate.value is None:
        return MISSING
    value = f"{100 * estimate.value:.2f}"
    if estimate.lower is None:
        return value
    return f"{value}{separator}[{100 * estimate.lower:.1f}, {100 * estimate.upper:.1f}]"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:.2f}"
