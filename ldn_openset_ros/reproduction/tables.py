"""Measurements as a table: the paper's figures beside ours, with the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ldn_openset_ros.evaluation.spread import Spread, spread
from ldn_openset_ros.reproduction.plan import Column, Profile, Row, Table
from ldn_openset_ros.reproduction.runner import Measurement

Measurements = dict[tuple, list[Measurement]]


def column_spread(row: Row, column: Column, measurements: Measurements) -> Spread:
    """Return a row's measure in a column, over seeds and assays."""
    found = measurements[row.run, row.recognition, column.test]
    if column.measure == "mean_iou":
        values = [entry["mean_iou"] for entry in found]
    else:
        values = [entry["ranking"][row.score][column.measure] for entry in found]
    return spread(values)


def area_spreads(
    row: Row, table: Table, measurements: Measurements
) -> list[tuple[Spread, Spread]]:
    """Return AP and FPR95 of a row for every bin of outlier sizes."""
    found = measurements[row.run, row.recognition, table.area_test]
    bins = [entry["by_area"][row.score] for entry in found]
    return [
        tuple(
            spread([entry[place]["measures"][name] for entry in bins])
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
            column.key: {
                **asdict(column_spread(row, column, measurements)),
                "paper": row.paper.get(column.key),
            }
            for column in table.columns
        }
        if table.area_edges:
            entry["by_area"] = [
                {"lower": lower, "upper": upper, "ap": asdict(ap), "fpr95": asdict(fpr95)}
                for lower, upper, (ap, fpr95) in zip(
                    table.area_edges,
                    table.area_edges[1:],
                    area_spreads(row, table, measurements),
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
        figures = [
            _with_paper(column_spread(row, column, measurements), row.paper.get(column.key))
            for column in table.columns
        ]
        cells.append([row.title, row.score, *figures])
    return header, cells


def _area_cells(table: Table, measurements: Measurements) -> tuple[list[str], list[list[str]]]:
    bins = zip(table.area_edges, table.area_edges[1:], strict=False)
    header = ["row, AP / FPR95"] + [f"{100 * low:g} to {100 * high:g} %" for low, high in bins]
    cells = [
        [row.title] + [f"{ap} / {fpr95}" for ap, fpr95 in area_spreads(row, table, measurements)]
        for row in table.rows
    ]
    return header, cells


def _with_paper(measured: Spread, paper: float | None) -> str:
    return str(measured) if paper is None else f"{measured} ({paper:g})"
