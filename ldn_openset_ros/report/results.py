"""Read what an evaluation left in its results folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.results_folder import (
    FRAMES_FILE,
    SUMMARY_FILE,
    TIMING_FILE,
    read_lines,
)
from ldn_openset_ros.evaluation.summary import FORMAT, RunSummary, TimingSummary, read_summary


@dataclass(frozen=True)
class Run:
    """One results folder. label: its title, with the folder's name where titles are equal."""

    label: str
    folder: Path
    summary: RunSummary
    timing: TimingSummary
    frames: tuple[FrameRecord, ...]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read results folders, in order, and give each run a label of its own.

    Raises OpenSetError for a folder without results, a damaged file or another format.
    """
    summaries = [_read_run_summary(folder) for folder in folders]
    titles = [summary.title for summary in summaries]
    names = [
        f"{title} ({folder.resolve().name})" if titles.count(title) > 1 else title
        for title, folder in zip(titles, folders, strict=True)
    ]
    return [
        Run(
            label,
            folder,
            summary,
            read_summary(TimingSummary, folder / TIMING_FILE),
            tuple(read_lines(folder / FRAMES_FILE, FrameRecord)),
        )
        for label, folder, summary in zip(_numbered(names), folders, summaries, strict=True)
    ]


def _read_run_summary(folder: Path) -> RunSummary:
    path = folder / SUMMARY_FILE
    summary = read_summary(RunSummary, path)
    if summary.format != FORMAT:
        raise OpenSetError(
            f"{path} has format {summary.format}, this version reads {FORMAT}: evaluate again"
        )
    return summary


def _numbered(names: Sequence[str]) -> list[str]:
    """Add a number to names that occur more than once."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} #{seen[name]}" if names.count(name) > 1 else name)
    return numbered
