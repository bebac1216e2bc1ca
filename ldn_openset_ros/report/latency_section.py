"""Time by stage, and what a live run lost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from markupsafe import Markup

from ldn_openset_ros.report import charts
from ldn_openset_ros.report.figures import count, milliseconds, percent
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import (
    SMALL,
    Chart,
    LegendEntry,
    Section,
    filled,
    missing_sentences,
    no_protocol,
    row,
    run_table,
)
from ldn_openset_ros.report.svg import NUM_COLOURS, draw_svg
from ldn_openset_ros.report.tables import Cell, Column

STAGE_MARGINS = (118, 12, 8, 42)
BAR_HEIGHT = 15
MAX_STAGE_NAME = 17


def latency_section(runs: Sequence[Run]) -> Section:
    """Time by stage."""
    timed = [run for run in runs if run.timing.stages]
    names = list(dict.fromkeys(name for run in timed for name in run.timing.stages))
    missing = missing_sentences(
        runs, lambda run: run.timing.stages, "No times of stages were kept"
    )
    if not timed:
        return Section("latency", "Latency", remarks=missing)
    table = run_table(
        runs,
        "Milliseconds a frame",
        "Stage",
        (Column("Median"), Column("95th percentile"), Column("Mean")),
        lambda run: [
            row(
                name,
                Cell(milliseconds(time.p50)),
                Cell(milliseconds(time.p95)),
                Cell(milliseconds(time.mean)),
            )
            for name, time in run.timing.stages.items()
        ],
        protocol_of=no_protocol,
    )
    live = run_table(
        runs,
        "Frames of a live run",
        "",
        (Column("Sent"), Column("Received"), Column("Lost, %")),
        lambda run: (
            [
                row(
                    "Frames",
                    Cell(count(run.timing.sent)),
                    Cell(count(run.timing.received)),
                    Cell(percent(1 - run.timing.received / run.timing.sent)),
                )
            ]
            if run.timing.sent and run.timing.received is not None
            else []
        ),
        protocol_of=no_protocol,
    )
    height = STAGE_MARGINS[2] + STAGE_MARGINS[3] + len(names) * (12 + BAR_HEIGHT * len(runs))
    chart = Chart(
        "Bars: median; lines: up to the 95th percentile",
        Markup(
            draw_svg(
                partial(
                    charts.draw_latency,
                    names=[_shortened(name) for name in names],
                    runs=[
                        {_shortened(name): time for name, time in run.timing.stages.items()}
                        for run in runs
                    ],
                ),
                "latency",
                "Milliseconds a frame by stage; the table holds the figures",
                (SMALL[0], height),
                STAGE_MARGINS,
            )
        ),
    )
    return Section(
        "latency",
        "Latency",
        "Of the machine that evaluated, at that hour.",
        missing,
        _solid_legend(runs),
        (chart,),
        filled(table, live),
    )


def _solid_legend(runs: Sequence[Run]) -> tuple[LegendEntry, ...]:
    if len(runs) == 1:
        return ()
    return tuple(LegendEntry(run.label, index % NUM_COLOURS + 1) for index, run in enumerate(runs))


def _shortened(name: str) -> str:
    """Cut a stage's name to what fits beside its bar."""
    return name if len(name) <= MAX_STAGE_NAME else f"{name[: MAX_STAGE_NAME - 1]}…"
