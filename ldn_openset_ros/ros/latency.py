"""Latencies from a node's reports and from single frames. No ROS here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ldn_openset_ros.benchmark.timings import Timing, timing_of

NODE_TOTAL = "total"
END_TO_END = "end_to_end"


def latency_of_stage(reports: Sequence[Mapping[str, str]], stage: str) -> Timing | None:
    """Return the medians, over the node's reports, of a stage's median and 95th percentile."""
    figures = []
    for quantile in ("p50", "p95"):
        values = [float(r.get(f"latency_{stage}_{quantile}_ms", "nan")) for r in reports]
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return None
        figures.append(round(float(np.median(finite)), 2))
    return Timing(*figures)


def latency_of_samples(seconds: Sequence[float]) -> Timing | None:
    """Return median and 95th percentile of single latencies; None without any."""
    return timing_of(list(seconds)) if seconds else None
