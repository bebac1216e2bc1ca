"""The CSV files of a run: one row a step, cut back to a step where a run is resumed."""

from __future__ import annotations

import csv
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import Evaluation
from ldn_openset_ros.training.files import replacing, told_disk_errors


def append_csv(path: Path, row: dict[str, float]) -> None:
    """Append one row; a new file starts with the header.

    Columns stay where they are: one that the row lacks is empty there, and for one that the file
    lacks it is written anew. Raises OpenSetError where the file cannot be written.
    """
    with told_disk_errors(path):
        columns = read_columns(path)
        if row.keys() <= set(columns):
            with path.open("a", newline="") as file:
                csv.DictWriter(file, columns).writerow(row)
        else:
            rows = read_rows(path) if columns else []
            write_csv(path, list(dict.fromkeys((*columns, *row))), [*rows, row])


def truncate_csv(path: Path, last_step: int) -> None:
    """Drop rows of steps after `last_step`: a resumed run takes those steps again.

    A last row that was cut while it was written goes as well. Raises OpenSetError where the file
    is damaged or cannot be written.
    """
    if not path.exists():
        return
    with told_disk_errors(path):
        try:
            rows = [row for row in read_rows(path) if int(row["step"]) <= last_step]
        except (csv.Error, KeyError, ValueError) as error:
            raise OpenSetError(f"{path} is damaged ({error!r}): delete it and run again") from None
        if rows:
            write_csv(path, read_columns(path), rows)
        else:
            path.unlink()


def read_columns(path: Path) -> list[str]:
    """Return the names in the first row of a file, none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return next(csv.reader(file), [])


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the whole rows of a file; one that was cut is left out."""
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]


def write_csv(path: Path, columns: list[str], rows: list[dict]) -> None:
    """Write a file at once; cells without a value are empty."""
    with replacing(path) as new, new.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def validation_row(step: int, evaluation: Evaluation) -> dict[str, float]:
    """Return one row of `validation.csv`, in per cent."""
    row: dict[str, float] = {"step": step}
    if evaluation.mean_iou is not None:
        row["mIoU"] = round(100 * evaluation.mean_iou, 2)
    for name, measures in evaluation.ranking.items():
        row[f"{name}_AP"] = round(100 * measures.average_precision, 2)
        row[f"{name}_FPR95"] = round(100 * measures.fpr95, 2)
    return row
