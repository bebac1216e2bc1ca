"""Outlier share from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.report import charts
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import Section, legend_of, missing_sentences, wide_chart

SHARE_LABEL = "Share of pixels called outlier, frame by frame"


def time_section(runs: Sequence[Run]) -> Section:
    """Outlier share from frame to frame."""
    drawn = []
    for number, run in enumerate(runs):
        shares, with_stamps = shares_over_time(run.frames)
        if not shares:
            continue
        draw = partial(
            charts.draw_share_over_time, shares=list(shares.values()), with_stamps=with_stamps
        )
        legend = legend_of(list(shares)) if len(shares) > 1 else ()
        drawn.append(wide_chart(run.label, f"time-{number}", SHARE_LABEL, draw, legend))
    return Section(
        "time",
        "Outlier share over time",
        "Share of each frame's pixels that the decision calls outlier; in long recordings the "
        "mean and, shaded, the range of neighbouring frames."
        if drawn
        else "",
        missing_sentences(
            runs,
            lambda run: any(frame.outlier_share is not None for frame in run.frames),
            "Without a decision there is no outlier share",
        ),
        charts=tuple(drawn),
    )


def shares_over_time(
    frames: Sequence[FrameRecord],
) -> tuple[dict[str, charts.ShareOverTime], bool]:
    """Return each source's outlier share in order, and whether x is in seconds.

    x is seconds from the source's first stamp where all frames have stamps, else the number of
    the frame in its source, from 1.
    """
    known = [frame for frame in frames if frame.outlier_share is not None]
    with_stamps = bool(known) and all(frame.stamp_ns is not None for frame in known)
    shares = {}
    for source in dict.fromkeys(frame.source for frame in known):
        own = [frame for frame in known if frame.source == source]
        if with_stamps:
            own.sort(key=lambda frame: frame.stamp_ns)
            x = np.array([(frame.stamp_ns - own[0].stamp_ns) / 1e9 for frame in own])
        else:
            x = np.arange(1, len(own) + 1)
        y = np.array([frame.outlier_share for frame in own], float)
        shares[source] = charts.ShareOverTime(x, y)
    return shares, with_stamps
