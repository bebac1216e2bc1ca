"""Tables of figures: rows in groups, one a run, each headed by its protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ldn_openset_ros.evaluation.summary import Estimate
from ldn_openset_ros.report.figures import UNDEFINED, interval, is_defined, percent


@dataclass(frozen=True)
class Column:
    """A column's heading; best: max or min where the best of its values is to be marked."""

    name: str
    best: Callable[..., float] | None = None


@dataclass(frozen=True)
class Cell:
    """A figure as text. note: its interval. value: what is compared with other rows."""

    text: str
    note: str = ""
    value: float | None = None
    is_best: bool = False


@dataclass(frozen=True)
class Row:
    """A heading and one cell a column."""

    head: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    """Rows of one run. head, protocol: empty where there is nothing to say."""

    head: str
    protocol: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """head: what the rows' headings are."""

    caption: str
    head: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]

    @property
    def has_best(self) -> bool:
        """Whether any value is marked."""
        return any(cell.is_best for row in self.rows() for cell in row.cells)

    def rows(self) -> Iterator[Row]:
        """Give the rows of all groups."""
        for group in self.groups:
            yield from group.rows


def percent_cell(fraction: float | None) -> Cell:
    """Return a fraction in per cent that can be compared."""
    return Cell(percent(fraction), value=fraction if is_defined(fraction) else None)


def estimate_cell(estimate: Estimate | None) -> Cell:
    """Return an estimate in per cent with its interval."""
    if estimate is None:
        return Cell(UNDEFINED)
    return replace(percent_cell(estimate.value), note=interval(estimate))


def mark_best(table: Table) -> Table:
    """Mark the best value of every column that has one and two values or more.

    Only right where all rows rest on equal protocols.
    """
    best = [_best_of(table, position) for position in range(len(table.columns))]

    def marked(row: Row) -> Row:
        cells = (
            replace(cell, is_best=wanted is not None and cell.value == wanted)
            for cell, wanted in zip(row.cells, best, strict=True)
        )
        return replace(row, cells=tuple(cells))

    groups = (replace(group, rows=tuple(map(marked, group.rows))) for group in table.groups)
    return replace(table, groups=tuple(groups))


def _best_of(table: Table, position: int) -> float | None:
    choose = table.columns[position].best
    values = [row.cells[position].value for row in table.rows()]
    defined = [value for value in values if value is not None]
    return choose(defined) if choose and len(defined) > 1 else None
