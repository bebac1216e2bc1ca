"""The frames that went wrong, and the input that could not be used."""

from __future__ import annotations

from collections.abc import Sequence

from ldn_openset_ros.report.figures import count
from ldn_openset_ros.report.galleries import Gallery, read_pictures
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import (
    Section,
    filled,
    missing_sentences,
    no_protocol,
    row,
    run_table,
)
from ldn_openset_ros.report.tables import Cell, Column


def frames_section(runs: Sequence[Run]) -> Section:
    """Galleries of the frames with most wrong pixels; without truth, with most outliers."""
    galleries = []
    for run in runs:
        front = f"{run.label}: " if len(runs) > 1 else ""
        summary = run.summary
        judged = summary.ranked_frames and summary.decision
        wanted = [("most outliers", summary.most_outliers, "pixels called outlier")]
        if judged:
            wanted = [
                ("most missed outliers", summary.missed_outliers, "outlier pixels missed"),
                ("most false alarms", summary.false_alarms, "inlier pixels called outlier"),
            ]
        for title, frames, pixels_are in wanted:
            heading = f"{front}{title}"
            pictures = read_pictures(run.folder, frames, pixels_are)
            remark = "" if frames else f"No frame has {pixels_are}."
            galleries.append(Gallery(heading[0].upper() + heading[1:], pictures, remark))
    return Section(
        "frames",
        "Worst frames",
        "Frames with the most wrong pixels, or without truth with the most outliers, worst first.",
        galleries=tuple(galleries),
    )


def faults_section(runs: Sequence[Run]) -> Section:
    """Table of what was wrong with the input."""
    table = run_table(
        runs,
        "Messages or frames that could not be used as they were",
        "Fault",
        (Column("Number"),),
        lambda run: [
            row(name, Cell(count(number))) for name, number in run.summary.faults.items()
        ],
        protocol_of=no_protocol,
    )
    return Section(
        "faults",
        "Faults",
        remarks=missing_sentences(
            runs, lambda run: run.summary.faults, "No faulty message or frame was found"
        ),
        tables=filled(table),
    )
