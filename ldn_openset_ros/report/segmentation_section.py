"""How well classes are told apart."""

from __future__ import annotations

from collections.abc import Sequence

from ldn_openset_ros.report.figures import count
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import (
    Section,
    filled,
    have_equal_protocols,
    missing_sentences,
    row,
    run_table,
)
from ldn_openset_ros.report.tables import Cell, Column, Group, Table, estimate_cell, percent_cell


def segmentation_section(runs: Sequence[Run]) -> Section:
    """Tables of mIoU and its kin, and of every class."""
    means = run_table(
        runs,
        "Per cent, with 95 % bootstrap intervals over frames",
        "",
        (
            Column("mIoU", max),
            Column("Open-set mIoU", max),
            Column("Category mIoU", max),
            Column("iIoU", max),
            Column("Category iIoU", max),
            Column("Pixel accuracy", max),
            Column("Frames"),
            Column("Pixels"),
        ),
        lambda run: (
            [
                row(
                    "All classes",
                    estimate_cell(run.summary.segmentation.mean_iou),
                    estimate_cell(run.summary.segmentation.open_set_mean_iou),
                    estimate_cell(run.summary.segmentation.category_mean_iou),
                    estimate_cell(run.summary.segmentation.mean_instance_iou),
                    estimate_cell(run.summary.segmentation.category_mean_instance_iou),
                    percent_cell(run.summary.segmentation.pixel_accuracy),
                    Cell(count(run.summary.segmentation.frames)),
                    Cell(count(run.summary.segmentation.pixels)),
                )
            ]
            if run.summary.segmentation
            else []
        ),
    )
    return Section(
        "segmentation",
        "Segmentation",
        "In the open-set map an inlier that is called outlier is a miss." if means.groups else "",
        missing_sentences(
            runs,
            lambda run: run.summary.segmentation or run.summary.class_mismatch,
            "No frame has truth of classes, or no labels were given, so there is no mIoU",
        )
        + tuple(
            f"{run.label}: {run.summary.class_mismatch}."
            for run in runs
            if run.summary.class_mismatch
        ),
        tables=filled(means, _class_table(runs)),
    )


def _class_table(runs: Sequence[Run]) -> Table:
    """Return the IoU of every class, a column a run and map."""
    segmented = [(run.label, run.summary.segmentation) for run in runs if run.summary.segmentation]
    columns, values = [], []
    for label, found in segmented:
        front = f"{label}: " if len(runs) > 1 else ""
        maps = {"closed set": found.class_iou, "open set": found.open_set_class_iou}
        for name, class_iou in maps.items():
            if class_iou is not None:
                columns.append(Column(f"{front}{name}"))
                values.append(class_iou)
    names = dict.fromkeys(name for class_iou in values for name in class_iou)
    rows = tuple(
        row(name, *(percent_cell(class_iou.get(name)) for class_iou in values)) for name in names
    )
    protocol = (
        runs[0].summary.protocol if have_equal_protocols(runs) else "each run's own, see above"
    )
    groups = (Group("", protocol, rows),) if rows else ()
    return Table("IoU of each class, per cent", "Class", tuple(columns), groups)
