"""A results folder as evaluate-bag leaves it: the shipped model on frames of a rendered drive."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.pictures import read_rgb, write_picture
from ldn_openset_ros.evaluation.bag_job import BagJob, evaluate_bags
from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.measurement import MeasureSettings
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.results_folder import (
    FRAMES_FILE,
    SUMMARY_FILE,
    TIMING_FILE,
    read_lines,
)
from ldn_openset_ros.evaluation.summary import RunSummary, StageTime, TimingSummary, to_json
from ldn_openset_ros.scenes.drive import Drive, DriveSettings

FRAMES = 12
FRAME_STEP = 8
START_NS = 1_700_000_000_000_000_000
STEP_NS = 800_000_000
WIDTH, HEIGHT = 480, 270
THRESHOLD = 0.02
"""Low enough that the small model finds something at this size."""
MEASURES = MeasureSettings(per_image=True, area_edges=(0.0, 0.002, 0.01, 1.0), replicates=40)


@dataclass(frozen=True)
class Results:
    """The content of a results folder."""

    summary: RunSummary
    timing: TimingSummary
    frames: tuple[FrameRecord, ...]
    pictures: dict[str, np.ndarray]


def write_results(folder: Path, results: Results) -> Path:
    """Write a results folder and return it."""
    (folder / "pictures").mkdir(parents=True)
    (folder / SUMMARY_FILE).write_text(to_json(results.summary))
    (folder / TIMING_FILE).write_text(to_json(results.timing))
    lines = [json.dumps(asdict(frame)) + "\n" for frame in results.frames]
    (folder / FRAMES_FILE).write_text("".join(lines))
    for name, picture in results.pictures.items():
        write_picture(folder / name, picture)
    return folder


def drive_results(folder: Path) -> Results:
    """Evaluate the shipped model on a rendered drive with outliers, working in a folder.

    Times and faults are given ones, for the machine's would differ and there are none.
    """
    drive = Drive(DriveSettings(width=WIDTH, height=HEIGHT, seed=3))
    with BagWriter(folder / "drive_3") as bag:
        for number in range(FRAMES):
            bag.write(drive.frame(FRAME_STEP * number), START_NS + number * STEP_NS)
    job = BagJob(
        bag=folder / "drive_3",
        output=folder / "results",
        model=ModelChoice(
            "camvid_lite0",
            ("dense_hybrid", "op_x_msm", "msm"),
            device="cpu",
            threshold=THRESHOLD,
            resolution=HEIGHT,
        ),
        measures=MEASURES,
    )
    summary = evaluate_bags(job, [job.bag])
    return Results(
        replace(summary, faults={"wrong_size": 2, "undecodable": 1}),
        TimingSummary(
            finished="2026-11-24T12:00:00+00:00",
            seconds=4.2,
            frames=FRAMES,
            stages={
                "read": StageTime(0.81, 0.74, 1.32),
                "decode": StageTime(1.92, 1.81, 2.6),
                "network": StageTime(81.4, 79.9, 96.1),
                "measure": StageTime(5.03, 4.9, 6.7),
            },
        ),
        tuple(read_lines(job.output / FRAMES_FILE, FrameRecord)),
        {
            f"pictures/{path.name}": read_rgb(path)
            for path in sorted((job.output / "pictures").iterdir())
        },
    )
