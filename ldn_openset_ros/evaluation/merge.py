"""Several results folders into one: exactly what one evaluation of everything would have found."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ldn_openset_ros.bags.faults import Fault
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.frame_record import FrameTimes
from ldn_openset_ros.evaluation.measurement import Measurement, MeasureSettings
from ldn_openset_ros.evaluation.results_folder import (
    FAULTS_FILE,
    LINE_FILES,
    PICTURES,
    SUMMARY_FILE,
    TIMES_FILE,
    TIMING_FILE,
    read_lines,
    read_state,
    write_configuration,
    write_whole,
)
from ldn_openset_ros.evaluation.run import read_progress, summarise_times
from ldn_openset_ros.evaluation.summarise import Extras, RunDescription, summarise
from ldn_openset_ros.evaluation.summary import RunSummary, read_summary, to_json
from ldn_openset_ros.evaluation.worst_frames import WorstFrames

NAMES_IN_TITLE = 4


def merge(
    parts: Sequence[Path],
    settings: MeasureSettings,
    output: Path,
    origin: str,
    resolution: int | None,
    unusable: Sequence[Fault] = (),
) -> RunSummary:
    """Merge finished results folders, in their order, into `output`.

    settings: what was measured, the same in all parts. origin, resolution: as in RunDescription.
    unusable: faults of bags that have no results. Raises
    OpenSetError for a missing or damaged part and where the disk refuses.
    """
    measurement, worst, faults = Measurement(settings), WorstFrames(), Counter()
    summaries = [read_summary(RunSummary, part / SUMMARY_FILE) for part in parts]
    for part, part_summary in zip(parts, summaries, strict=True):
        state = read_state(part)
        measurement.merge(Measurement.from_arrays(settings, state.arrays))
        part_worst, part_faults, _ = read_progress(state)
        worst = worst.merge([_renamed(part_worst, part, part_summary.sources[0])])
        faults.update(part_faults)
    faults.update(fault.kind for fault in unusable)
    sources = tuple(source for summary in summaries for source in summary.sources)
    description = RunDescription(
        title=f"{len(parts)} bags: {_named(sources)}",
        method=summaries[0].method,
        origin=origin,
        configuration={"parts": [summary.configuration for summary in summaries]},
        sources=sources,
        resolution=resolution,
    )
    summary = summarise(measurement, description, Extras(worst, faults=dict(faults)))
    try:
        _copy(parts, worst, output)
        with (output / FAULTS_FILE).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(fault)) + "\n" for fault in unusable)
        timing = summarise_times(read_lines(output / TIMES_FILE, FrameTimes))
        write_whole(output / TIMING_FILE, to_json(timing).encode())
        write_configuration(output, description.configuration)
        write_whole(output / SUMMARY_FILE, to_json(summary).encode())
    except OSError as error:
        raise OpenSetError(f"cannot write to {output}: {error.strerror or error}") from None
    return summary


def _named(sources: Sequence[str]) -> str:
    """Return some names, and how many more there are."""
    more = len(sources) - NAMES_IN_TITLE
    return ", ".join(sources[:NAMES_IN_TITLE]) + (f" and {more} more" if more > 0 else "")


def _copy(parts: Sequence[Path], worst: WorstFrames, output: Path) -> None:
    """Bring lines and pictures of the parts together."""
    (output / PICTURES).mkdir(parents=True, exist_ok=True)
    for name in LINE_FILES:
        with (output / name).open("wb") as whole:
            for part in parts:
                with (part / name).open("rb") as file:
                    shutil.copyfileobj(file, whole)
    for picture in worst.pictures():
        part, _, name = Path(picture).name.rpartition("-")
        folder = next(folder for folder in parts if folder.name == part)
        shutil.copyfile(folder / PICTURES / name, output / picture)


def _renamed(worst: WorstFrames, part: Path, source: str) -> WorstFrames:
    """Return worst frames named after their source, and their pictures after their part, too."""
    return WorstFrames(
        {
            kind: [
                replace(
                    frame,
                    frame=f"{source}, {frame.frame}",
                    picture=f"{PICTURES}/{part.name}-{Path(frame.picture).name}",
                )
                for frame in frames
            ]
            for kind, frames in worst.ranked.items()
        }
    )
