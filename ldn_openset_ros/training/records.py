"""The CSV files of a run: one row a step, cut back to a step where a run is resumed."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from ldn_openset_ros.evaluation.evaluate import Evaluation


def append_csv(path: Path, row: dict[str, float]) -> None:
    """Append one row; a new file starts with the header."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def truncate_csv(path: Path, last_step: int) -> None:
    """Drop rows of steps after `last_step`: a resumed run takes those steps again.

    A last row that was cut while it was written goes as well.
    """
    if not path.exists():
        return
    with path.open(newline="") as file:
        whole = [row for row in csv.DictReader(file) if None not in row.values()]
        rows = [row for row in whole if int(row["step"]) <= last_step]
    shortened = path.with_suffix(".tmp")
    shortened.unlink(missing_ok=True)
    for row in rows:
        append_csv(shortened, row)
    if rows:
        os.replace(shortened, path)
    else:
        path.unlink()


def validation_row(step: int, evaluation: Evaluation) -> dict[str, float]:
    """Return one row of `validation.csv`, in per cent."""
    row: dict[str, float] = {"step": step}
    if evaluation.mean_iou is not None:
        row["mIoU"] = round(100 * evaluation.mean_iou, 2)
    for name, measures in evaluation.ranking.items():
        row[f"{name}_AP"] = round(100 * measures.average_precision, 2)
        row[f"{name}_FPR95"] = round(100 * measures.fpr95, 2)
    return row
