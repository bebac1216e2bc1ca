"""The report's charts: each function draws one into given axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator

from ldn_openset_ros.evaluation.summary import (
    AreaSummary,
    Calibration,
    Curve,
    ScoreHistogram,
    StageTime,
)
from ldn_openset_ros.metrics.ranking import TPR_OF_FPR95
from ldn_openset_ros.report.figures import share_range
from ldn_openset_ros.report.svg import MUTED, NUM_COLOURS, SERIES

LINE_WIDTH = 1.6
DASHES = ((), (5, 2), (1.2, 1.4), (6, 1.8, 1.2, 1.8))
"""Lengths of strokes and gaps in line widths, so that series differ without colour too."""
INLIERS, OUTLIERS = 0, 1
"""Series of the histograms."""
MAX_POINTS = 600
"""Frames of a line over time; more are drawn as mean and range of neighbours."""
REFERENCE_LINE = {"color": MUTED, "linewidth": 1, "linestyle": (0, (2, 3))}


@dataclass(frozen=True)
class ShareOverTime:
    """Outlier share of a source's frames: x in seconds or frame numbers, rising; y from 0 to 1."""

    x: np.ndarray
    y: np.ndarray


def dashes(index: int) -> tuple[float, ...]:
    """Return the dashes of a series; 24 series in a row differ in colour or dashes."""
    return DASHES[(index + index // 12) % len(DASHES)]


def colour(index: int) -> str:
    """Return the stand-in colour of a series."""
    return SERIES[index % NUM_COLOURS]


def draw_precision_recall(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draw precision against recall, one series a curve."""
    _unit_axes(axes, "recall, %", "precision, %")
    _draw_curves(axes, curves)


def draw_roc(axes: Axes, curves: Sequence[Curve]) -> None:
    """Draw true- against false-positive rates, with chance and the level of FPR95."""
    _unit_axes(axes, "false-positive rate, %", "true-positive rate, %")
    axes.plot([0, 1], [0, 1], **REFERENCE_LINE)
    axes.axhline(TPR_OF_FPR95, **REFERENCE_LINE)
    _draw_curves(axes, curves)


def draw_histogram(axes: Axes, histogram: ScoreHistogram) -> None:
    """Draw how many inlier and outlier pixels have which log-odds, counts on a log scale."""
    axes.set(xlabel="log-odds of the score", ylabel="pixels", yscale="log")
    highest = max(1, *histogram.inliers, *histogram.outliers)
    axes.set_ylim(0.7, 2 * highest)
    axes.set_xlim(histogram.edges[0], histogram.edges[-1])
    axes.yaxis.set_major_locator(LogLocator(base=100))
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, position: ""))
    for index, counts in ((INLIERS, histogram.inliers), (OUTLIERS, histogram.outliers)):
        visible = np.maximum(counts, 0.5)  # below the axis, where a logarithm of 0 has no place
        axes.stairs(
            visible,
            histogram.edges,
            baseline=0.5,
            fill=True,
            facecolor=colour(index),
            alpha=0.18,
            linewidth=0,
        )
        axes.stairs(
            visible, histogram.edges, baseline=None, edgecolor=colour(index), linewidth=1.3
        )


def draw_reliability(axes: Axes, calibrations: Sequence[tuple[int, Calibration]]) -> None:
    """Draw the outlier share against the probability; a series is its index and its bins."""
    _unit_axes(axes, "mean outlier probability, %", "share of outliers, %")
    axes.plot([0, 1], [0, 1], **REFERENCE_LINE)
    for index, calibration in calibrations:
        x, y = _floats(calibration.confidence), _floats(calibration.outlier_share)
        _line(axes, x, y, index, marker="o")


def draw_by_area(
    axes: Axes,
    series: Sequence[Sequence[AreaSummary]],
    bins: Sequence[tuple[float, float]],
    measure: str,
    name: str,
) -> None:
    """Draw a measure of outliers by size, one series of AreaSummary each.

    bins: all lower and upper bounds, ascending. measure: an attribute of AreaSummary. name: the
    axis label.
    """
    axes.set(xlabel="outlier's share of the picture, %", ylabel=f"{name}, %", ylim=(0, 1))
    axes.set_xlim(-0.4, len(bins) - 0.6)
    axes.set_xticks(range(len(bins)), [share_range(*edges) for edges in bins])
    axes.yaxis.set_major_formatter(_per_cent())
    for index, areas in enumerate(series):
        values = {(area.lower, area.upper): getattr(area, measure) for area in areas}
        _line(
            axes, range(len(bins)), _floats([values.get(edge) for edge in bins]), index, marker="o"
        )


def draw_share_over_time(axes: Axes, shares: Sequence[ShareOverTime], with_stamps: bool) -> None:
    """Draw the share of pixels called outlier, one series a source.

    Frames of a recording are joined; those of a data set have no order and are points.
    """
    axes.set_ylabel("called outlier, %")
    axes.set_xlabel("seconds from the first frame" if with_stamps else "frame number")
    axes.yaxis.set_major_formatter(_per_cent())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    for index, share in enumerate(shares):
        if not with_stamps:
            axes.plot(share.x, share.y, ".", color=colour(index), markersize=4, clip_on=False)
            continue
        x, mean, low, high = thin_out(share)
        if len(x) < len(share.x):
            axes.fill_between(x, low, high, color=colour(index), alpha=0.22, linewidth=0)
        _line(axes, x, mean, index, marker="o" if len(x) == 1 else "")
    axes.set_ylim(0, max(0.001, *(1.08 * float(share.y.max()) for share in shares)))
    axes.margins(x=0.01)


def thin_out(share: ShareOverTime) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, mean, least and greatest y of up to MAX_POINTS groups of neighbouring frames."""
    groups = min(MAX_POINTS, len(share.x))
    starts = np.arange(groups) * len(share.x) // groups
    sizes = np.diff(np.r_[starts, len(share.x)])
    return (
        np.add.reduceat(share.x, starts) / sizes,
        np.add.reduceat(share.y, starts) / sizes,
        np.minimum.reduceat(share.y, starts),
        np.maximum.reduceat(share.y, starts),
    )


def draw_latency(axes: Axes, names: Sequence[str], runs: Sequence[dict[str, StageTime]]) -> None:
    """Draw median and 95th percentile by stage, a bar a run; names: stages from top to bottom."""
    height = 0.7 / len(runs)
    for index, stages in enumerate(runs):
        for row, name in enumerate(names):
            if name not in stages:
                continue
            place = row + (index - (len(runs) - 1) / 2) * height
            time = stages[name]
            axes.barh(place, time.p50, 0.8 * height, color=colour(index))
            axes.plot([time.p50, time.p95], [place, place], color=colour(index), linewidth=1.2)
            axes.plot(time.p95, place, "|", color=colour(index), markersize=7, clip_on=False)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("milliseconds")
    axes.grid(visible=False, axis="y")


def _draw_curves(axes: Axes, curves: Sequence[Curve]) -> None:
    for index, curve in enumerate(curves):
        _line(axes, curve.x, curve.y, index)


def _line(axes: Axes, x, y, index: int, marker: str = "") -> None:
    axes.plot(
        x,
        y,
        color=colour(index),
        linewidth=LINE_WIDTH,
        linestyle=(0, dashes(index)) if dashes(index) else "solid",
        marker=marker,
        markersize=4,
        clip_on=False,
    )


def _unit_axes(axes: Axes, xlabel: str, ylabel: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_formatter(_per_cent())
    axes.yaxis.set_major_formatter(_per_cent())


def _per_cent() -> FuncFormatter:
    return FuncFormatter(lambda value, position: f"{100 * value:.6g}")


def _floats(values: Sequence[float | None]) -> np.ndarray:
    """Return values as an array with gaps, NaN, for None."""
    return np.array([np.nan if value is None else value for value in values], float)
