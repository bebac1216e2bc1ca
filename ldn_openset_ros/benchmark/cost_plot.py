"""How cost grows, drawn: latency and memory against pixels, rate against cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ldn_openset_ros.benchmark.backends import BackendRow
from ldn_openset_ros.benchmark.cost import CostFigures
from ldn_openset_ros.errors import OpenSetError

SIZE_INCHES = (11.0, 3.6)
MARKERS = "osD^vP*X"

Lines = dict[str, list[tuple[float, float]]]
"""Points by the name of their line."""


def draw_cost(models: Mapping[str, CostFigures], path: Path) -> None:
    """Draw the figures of models, by name, into an SVG or PNG file.

    Raises OpenSetError where the file cannot be written.
    """
    figure = Figure(SIZE_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    latency, memory, rate = figure.subplots(1, 3)
    _draw_lines(latency, latency_lines(models), "megapixels", "network, median ms")
    _draw_lines(memory, memory_lines(models), "megapixels", "peak memory, MB")
    _draw_lines(rate, rate_lines(models), "cameras", "frames a second, all cameras")
    metadata = {"Date": None} if path.suffix == ".svg" else None  # the same file each time
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata=metadata)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None


def latency_lines(models: Mapping[str, CostFigures]) -> Lines:
    """Return (megapixels, median ms) by model and backend."""
    return _pixel_lines(models, lambda row: row.timing.p50_ms)


def memory_lines(models: Mapping[str, CostFigures]) -> Lines:
    """Return (megapixels, MB at the peak with a warm cache) by model and backend."""
    return _pixel_lines(models, lambda row: row.first_calls.warm.memory_mb)


def rate_lines(models: Mapping[str, CostFigures]) -> Lines:
    """Return (cameras, frames a second of all of them) by model."""
    return {
        model: [(len(found.rates_hz), found.total_hz) for found in cost.cameras]
        for model, cost in models.items()
    }


def _pixel_lines(models: Mapping[str, CostFigures], value: Callable[[BackendRow], float]) -> Lines:
    lines = defaultdict(list)
    for model, cost in models.items():
        for size in cost.pixels:
            megapixels = size.width * size.height / 1e6
            for row in size.rows:
                lines[f"{model}, {row.backend} {row.precision}"].append((megapixels, value(row)))
    return dict(lines)


def _draw_lines(axes: Axes, lines: Lines, x: str, y: str) -> None:
    for (name, points), marker in zip(lines.items(), MARKERS * len(lines), strict=False):
        axes.plot(*zip(*points, strict=True), marker=marker, markersize=4, label=name)
    axes.set(xlabel=x, ylabel=y, ylim=(0, None), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
