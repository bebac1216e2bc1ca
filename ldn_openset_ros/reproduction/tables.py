"""Measurements as a table: the paper's figures beside ours, with the protocol."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ldn_openset_ros.reproduction.plan import Column, Profile, Row, Table
from ldn_openset_ros.reproduction.runner import Measurement

Measurements = dict[tuple, list[Measurement]]
ABSENT = "-"


@dataclass(frozen=True)
class Figure:
    """A measure over seeds and assays, in per cent; None where it is not defined."""

    mean: float | None
    standard_deviation: float | None
    values: tuple[float, ...]
    paper: float | None

    def __str__(self) -> str:
        if self.mean is None:
            return ABSENT
        spread = "" if len(self.values) < 2 else f" ± {self.standard_deviation:.1f}"
        return f"{self.mean:.1f}{spread}"


def figure(values: Sequence[float | None], paper: float | None = None) -> Figure:
    """Summarise fractions as per cent; the standard deviation is the sample's."""
    known = tuple(round(100 * value, 3) for value in values if value is not None)
    if not known:
        return Figure(None, None, (), paper)
    spread = statistics.stdev(known) if len(known) > 1 else 0.0
    return Figure(round(statistics.fmean(known), 3), round(spread, 3), known, paper)


def column_figure(row: Row, column: Column, measurements: Measurements) -> Figure:
    """Return the figure of a row in a column."""
    found = measurements[row.run, row.recognition, column.test]
    if column.measure == "mean_iou":
        values = [entry["mean_iou"] for entry in found]
    else:
        values = [entry["ranking"][row.score][column.measure] for entry in found]
    return figure(values, row.paper.get(column.key))


def area_figures(
    row: Row, table: Table, measurements: Measurements
) -> list[tuple[Figure, Figure]]:
    """Return AP and FPR95 of a row for every bin of outlier sizes."""
    found = measurements[row.run, row.recognition, table.area_test]
    bins = [entry["by_area"][row.score] for entry in found]
    return [
        tuple(
            figure([entry[place]["measures"][name] for entry in bins])
            for name in ("average_precision", "fpr95")
        )
        for place in range(len(table.area_edges) - 1)
    ]


def to_dict(
    name: str, table: Table, profile: Profile, seeds: Sequence[int], measurements: Measurements
) -> dict:
    """Return the table as plain values for JSON."""
    rows = []
    for row in table.rows:
        entry: dict = {"title": row.title, "run": row.run, "score": row.score}
        entry["figures"] = {
            column.key: asdict(column_figure(row, column, measurements))
            for column in table.columns
        }
        if table.area_edges:
            entry["by_area"] = [
                {"lower": lower, "upper": upper, "ap": asdict(ap), "fpr95": asdict(fpr95)}
                for lower, upper, (ap, fpr95) in zip(
                    table.area_edges,
                    table.area_edges[1:],
                    area_figures(row, table, measurements),
                    strict=False,
                )
            ]
        rows.append(entry)
    return {
        "table": name,
        "title": table.title,
        "profile": profile.name,
        "seeds": list(seeds),
        "protocol": protocol(table, measurements),
        "notes": list(profile.notes),
        "rows": rows,
    }


def to_markdown(
    table: Table, profile: Profile, seeds: Sequence[int], measurements: Measurements
) -> str:
    """Return the table for people, in per cent."""
    if table.area_edges:
        header, cells = _area_cells(table, measurements)
    else:
        header, cells = _column_cells(table, measurements)
    lines = [
        f"### {table.title}",
        "",
        f"Profile `{profile.name}`, seeds {', '.join(map(str, seeds))}; in per cent, mean ± "
        "standard deviation over seeds and assays, the paper's figures in brackets.",
        "",
        "| " + " | ".join(header) + " |",
        "|---" * len(header) + "|",
        *("| " + " | ".join(line) + " |" for line in cells),
        "",
        *(f"- {name}: {text}" for name, text in protocol(table, measurements).items()),
        *(f"- {note}" for note in profile.notes),
        "",
    ]
    return "\n".join(lines)


def protocol(table: Table, measurements: Measurements) -> dict[str, str]:
    """Return how each test set was measured."""
    return {
        test: next(entry[0]["protocol"] for key, entry in measurements.items() if key[2] == test)
        for test in table.tests()
    }


def _column_cells(table: Table, measurements: Measurements) -> tuple[list[str], list[list[str]]]:
    header = ["row", "score", *(column.title for column in table.columns)]
    cells = []
    for row in table.rows:
        figures = [column_figure(row, column, measurements) for column in table.columns]
        cells.append([row.title, row.score, *map(_with_paper, figures)])
    return header, cells


def _area_cells(table: Table, measurements: Measurements) -> tuple[list[str], list[list[str]]]:
    bins = zip(table.area_edges, table.area_edges[1:], strict=False)
    header = ["row, AP / FPR95"] + [f"{100 * low:g} to {100 * high:g} %" for low, high in bins]
    cells = [
        [row.title] + [f"{ap} / {fpr95}" for ap, fpr95 in area_figures(row, table, measurements)]
        for row in table.rows
    ]
    return header, cells


def _with_paper(value: Figure) -> str:
    return str(value) if value.paper is None else f"{value} ({value.paper:g})"
