"""One evaluation from the first frame to the summary: measured, recorded and fit to be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone

import numpy as np

from ldn_openset_ros.bags.faults import Fault, Faults
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.frame_record import FrameRecord, FrameTimes
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame, StopWatch
from ldn_openset_ros.evaluation.measurement import Measurement, MeasureSettings
from ldn_openset_ros.evaluation.results_folder import (
    FAULTS_FILE,
    FRAMES_FILE,
    SUMMARY_FILE,
    TIMES_FILE,
    ResultsFolder,
    State,
    read_lines,
)
from ldn_openset_ros.evaluation.summarise import Extras, RunDescription, summarise
from ldn_openset_ros.evaluation.summary import (
    ComponentSummary,
    RunSummary,
    StageTime,
    TimingSummary,
    WorstFrame,
    read_summary,
    to_json,
)
from ldn_openset_ros.evaluation.worst_frames import WorstFrames, write_panel
from ldn_openset_ros.taxonomy import Taxonomy

OpenFrames = Callable[[int, Faults], Iterator[JudgedFrame | None]]
"""Yield the frames of a source from a position on, None for one that could not be used."""

INVALID = "invalid"
"""Kind of fault of a frame whose maps contradict its truth, or hold NaN."""


def run(
    open_frames: OpenFrames,
    settings: MeasureSettings,
    description: RunDescription,
    folder: ResultsFolder,
    tolerant: bool = True,
    finish: Callable[[Measurement], dict[str, ComponentSummary]] = lambda measurement: {},
    check: Callable[[Iterable[FrameRecord]], None] | None = None,
) -> RunSummary:
    """Measure every frame of a source once and write all results.

    A finished folder is left as it is, an interrupted one is taken up where its last state is.
    tolerant: a frame that cannot be measured is a fault that is counted and named; otherwise it
    is an OpenSetError. No frame at all is an OpenSetError as well. finish: called at the end;
    measures components. check: raises OpenSetError where the records of all frames say that the
    figures would be worth nothing.
    """
    if folder.is_finished:
        return read_summary(RunSummary, folder.folder / SUMMARY_FILE)
    measurement, worst, position = Measurement(settings), WorstFrames(), 0
    complete = False
    faults = Faults(lambda fault: folder.append(FAULTS_FILE, fault))
    if folder.state is not None:
        measurement = Measurement.from_arrays(settings, folder.state.arrays)
        worst, counts, position = read_progress(folder.state)
        faults.counts.update(counts)
        complete = folder.state.values["complete"]

    def state() -> State:
        values = {**progress_values(worst, faults, position), "complete": complete}
        return State(measurement.to_arrays(), values)

    # Behind the last frame there may be faults: reading on after it would count them again.
    for frame in () if complete else open_frames(position, faults):
        if frame is not None:
            watch = StopWatch()
            watch.seconds.update(frame.seconds)
            try:
                with watch.measure("measure"):
                    record = measurement.add(frame)
            except OpenSetError as error:
                if not tolerant:
                    raise
                faults.add(Fault(INVALID, None, frame.stamp_ns, str(error)))
            else:
                picture = folder.picture_path(position)
                _keep(frame, record, worst, picture, folder, settings.taxonomy, watch)
        position += 1
        if folder.state_is_due():
            folder.save_state(state())
    if not measurement.totals.frames:
        raise OpenSetError(
            f"{', '.join(description.sources)}: no frame could be measured"
            + (f"; {faults.told()}" if faults.counts else "")
        )
    if check is not None:
        check(read_lines(folder.folder / FRAMES_FILE, FrameRecord))
    complete = True
    folder.save_state(state(), compress=True)
    extras = Extras(worst, finish(measurement), dict(faults.counts))
    summary = summarise(measurement, description, extras)
    timing = summarise_times(read_lines(folder.folder / TIMES_FILE, FrameTimes))
    folder.finish(to_json(summary), to_json(timing), worst.pictures())
    return summary


def _keep(
    frame: JudgedFrame,
    record: FrameRecord,
    worst: WorstFrames,
    picture: str,
    folder: ResultsFolder,
    taxonomy: Taxonomy | None,
    watch: StopWatch,
) -> None:
    """Write what is kept of a measured frame; a disk that refuses ends the evaluation."""
    with watch.measure("measure"):
        folder.append(FRAMES_FILE, record)
    with watch.measure("pictures"):
        if worst.offer(frame, record, picture):
            write_panel(folder.folder / picture, frame, taxonomy)
    folder.append(TIMES_FILE, FrameTimes(frame.name, frame.source, watch.seconds))


def progress_values(worst: WorstFrames, faults: Faults, position: int) -> dict:
    """Return what a state holds beside the counts."""
    return {
        "position": position,
        "faults": dict(faults.counts),
        "worst": {kind: [asdict(w) for w in frames] for kind, frames in worst.ranked.items()},
    }


def read_progress(state: State) -> tuple[WorstFrames, dict[str, int], int]:
    """Return what `progress_values` put into a state."""
    values = state.values
    worst = WorstFrames(
        {kind: [WorstFrame(**w) for w in frames] for kind, frames in values["worst"].items()}
    )
    return worst, values["faults"], values["position"]


def summarise_times(lines: Iterable[FrameTimes]) -> TimingSummary:
    """Return the time by stage, in the order in which stages first come."""
    stages: dict[str, list[float]] = {}
    frames = 0
    for line in lines:
        frames += 1
        for stage, seconds in line.seconds.items():
            stages.setdefault(stage, []).append(seconds)
    return TimingSummary(
        finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=round(sum(map(sum, stages.values())), 3),
        frames=frames,
        stages={stage: stage_time(values) for stage, values in stages.items()},
    )


def stage_time(seconds: Iterable[float]) -> StageTime:
    """Return mean, median and 95th percentile in milliseconds."""
    values = 1e3 * np.fromiter(seconds, np.float64)
    p50, p95 = np.percentile(values, (50, 95))
    return StageTime(*(round(float(value), 3) for value in (values.mean(), p50, p95)))
