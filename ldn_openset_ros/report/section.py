"""What the sections of a report are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes

from ldn_openset_ros.evaluation.summary import ScoreSummary
from ldn_openset_ros.report import charts
from ldn_openset_ros.report.galleries import Gallery
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.svg import NUM_COLOURS, draw_svg
from ldn_openset_ros.report.tables import Cell, Column, Group, Row, Table, mark_best

SMALL, MARGINS = (360, 268), (52, 10, 10, 42)
WIDE, WIDE_MARGINS = (1120, 230), (52, 10, 10, 42)
"""Sizes of charts, and the margins of their axes, in CSS pixels; see draw_svg."""


@dataclass(frozen=True)
class LegendEntry:
    """A series' name, colour (a number from 1) and dashes in line widths."""

    name: str
    colour: int
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Chart:
    """An inline SVG; narrow: another one for narrow screens; legend: of this chart alone."""

    title: str
    svg: Markup
    narrow: Markup | None = None
    legend: tuple[LegendEntry, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page; what is empty is left out."""

    anchor: str
    title: str
    intro: str = ""
    remarks: tuple[str, ...] = ()
    legend: tuple[LegendEntry, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    galleries: tuple[Gallery, ...] = ()

    @property
    def is_paired(self) -> bool:
        """Whether a lone small chart can stand beside its table."""
        return len(self.charts) == 1 and self.charts[0].narrow is None and bool(self.tables)


@dataclass(frozen=True)
class RankedScore:
    """A score of a run; label: unique in the report."""

    label: str
    score: ScoreSummary


def have_equal_protocols(runs: Sequence[Run]) -> bool:
    """Whether all figures rest on the same, so that a best one can be named."""
    return len({run.summary.protocol for run in runs}) == 1


def ranked_scores(runs: Sequence[Run]) -> list[RankedScore]:
    """Return every score of every run, in the order of all charts' series."""
    return [
        RankedScore(f"{run.label}: {name}" if len(runs) > 1 else name, score)
        for run in runs
        for name, score in run.summary.scores.items()
    ]


def run_table(
    runs: Sequence[Run],
    caption: str,
    head: str,
    columns: tuple[Column, ...],
    rows_of: Callable[[Run], list[Row]],
    protocol_of: Callable[[Run], str] = lambda run: run.summary.protocol,
) -> Table:
    """Return a table with a group of rows for every run that has any, its best values marked."""
    groups = tuple(
        Group(
            run.label if len(runs) > 1 else "",
            protocol_of(run),
            tuple(rows_of(run)),
        )
        for run in runs
    )
    table = Table(caption, head, columns, tuple(group for group in groups if group.rows))
    return mark_best(table) if have_equal_protocols(runs) else table


def no_protocol(run: Run) -> str:
    """Return no protocol, for tables that rest on none."""
    return ""


def row(head: str, *cells: Cell) -> Row:
    """Return a row."""
    return Row(head, cells)


def filled(*tables: Table) -> tuple[Table, ...]:
    """Return the tables that hold anything."""
    return tuple(table for table in tables if table.groups)


def missing_sentences(
    runs: Sequence[Run], found: Callable[[Run], object], sentence: str
) -> tuple[str, ...]:
    """Return a sentence where runs lack something, naming them where others have it."""
    lacking = [run.label for run in runs if not found(run)]
    if not lacking:
        return ()
    if len(lacking) == len(runs):
        return (f"{sentence}.",)
    return tuple(f"{label}: {sentence[0].lower()}{sentence[1:]}." for label in lacking)


def legend_of(names: Sequence[str]) -> tuple[LegendEntry, ...]:
    """Return the legend of charts with these series."""
    return tuple(
        LegendEntry(name, index % NUM_COLOURS + 1, charts.dashes(index))
        for index, name in enumerate(names)
    )


def small_chart(title: str, name: str, label: str, draw: Callable[[Axes], None]) -> Chart:
    """Draw a chart; name: unique in the page; label: what is read aloud after the title."""
    return Chart(title, Markup(draw_svg(draw, name, f"{title}. {label}", SMALL, MARGINS)))


def wide_chart(
    title: str,
    name: str,
    label: str,
    draw: Callable[[Axes], None],
    legend: tuple[LegendEntry, ...],
) -> Chart:
    """Draw a chart over the page's width, and again for narrow screens; see small_chart."""
    label = f"{title}. {label}"
    return Chart(
        title,
        Markup(draw_svg(draw, name, label, WIDE, WIDE_MARGINS)),
        Markup(draw_svg(draw, f"{name}-narrow", label, SMALL, MARGINS)),
        legend,
    )
