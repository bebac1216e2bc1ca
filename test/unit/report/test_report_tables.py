from __future__ import annotations

from ldn_openset_ros.report.tables import Column, Group, Row, Table, mark_best, percent_cell


def table(*rows: tuple[float | None, ...]) -> Table:
    cells = [tuple(map(percent_cell, row)) for row in rows]
    columns = (Column("AP", max), Column("FPR95", min), Column("share"))
    groups = tuple(Group("", "", (Row(str(n), entry),)) for n, entry in enumerate(cells))
    return Table("caption", "head", columns, groups)


def marked(found: Table) -> list[tuple[bool, ...]]:
    return [tuple(cell.is_best for cell in row.cells) for row in found.rows()]


def test_marks_the_highest_or_the_lowest_over_all_groups():
    found = mark_best(table((0.4, 0.3, 0.1), (0.5, 0.2, 0.9), (0.45, 0.2, None)))
    assert marked(found) == [(False,) * 3, (True, True, False), (False, True, False)]
    assert found.has_best


def test_a_lone_value_is_not_best_of_anything():
    assert not mark_best(table((0.4, None, 0.1), (None, 0.2, 0.3))).has_best
