"""The tables of `ldn-openset benchmark`, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from ldn_openset_ros.benchmark.backends import BackendFigures
    from ldn_openset_ros.benchmark.machine import Machine
    from ldn_openset_ros.benchmark.node_figures import NodeFigures
    from ldn_openset_ros.benchmark.rate_figures import CameraFigures, RateFigures
    from ldn_openset_ros.benchmark.stages import StageFigures
    from ldn_openset_ros.benchmark.start import StartFigures
    from ldn_openset_ros.benchmark.timings import Timing

FLOOR_CAPTION = (
    "floor: multiply-adds of all convolutions at the rate of a float32 matrix product, measured "
    "in this process; Winograd convolutions (ncnn) and 16 and 8 bits take less and can go below it"
)


@dataclass(frozen=True)
class FigureTable:
    """A table of texts; the first column is its heading."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


def rich_table(table: FigureTable) -> Table:
    """Return the table for the terminal."""
    from rich.table import Table

    shown = Table(title=table.title, caption=table.caption or None)
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def markdown_table(table: FigureTable) -> str:
    """Return the table as a section of Markdown."""
    head = " | ".join(table.columns)
    line = "|".join(["---", *("--:" for _ in table.columns[1:])])
    rows = [f"| {' | '.join(row)} |" for row in table.rows]
    parts = [f"**{table.title}**", "\n".join([f"| {head} |", f"|{line}|", *rows])]
    return "\n\n".join([*parts, table.caption] if table.caption else parts) + "\n"


def markdown_document(machine: Machine, tables: Sequence[FigureTable]) -> str:
    """Return all tables, headed by what they were taken on."""
    return "\n".join([machine_line(machine) + "\n", *map(markdown_table, tables)])


def machine_line(machine: Machine) -> str:
    """Return in words what figures were taken on."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.threads} threads; "
        f"Python {machine.python}, {versions}"
    )


def backends_table(model: str, figures: BackendFigures) -> FigureTable:
    """Return what every backend takes for the network alone."""
    rows = tuple(
        (
            f"{row.backend} {row.precision}",
            _timing(row.timing),
            f"{row.speed_up:.2f}",
            f"{row.over_floor:.2f}",
            f"{row.difference:.1e}" if row.difference else "0",
            f"{row.first_calls.cold.seconds:.2f} / {row.first_calls.warm.seconds:.2f}",
            f"{row.first_calls.warm.memory_mb:.0f}",
        )
        for row in figures.rows
    )
    floor = figures.floor
    return FigureTable(
        f"{model}: network alone, input {figures.width}x{figures.height}, {figures.frames} frames",
        (
            "backend",
            "ms p50 / p95",
            "times eager",
            "over floor",
            "max difference",
            "first call s cold / warm",
            "peak MB",
        ),
        rows,
        f"floor {floor.ms:.1f} ms: {floor.multiply_adds / 1e9:.2f} G multiply-adds at "
        f"{floor.per_second / 1e9:.1f} G/s. {FLOOR_CAPTION}{_skipped(figures.skipped)}",
    )


def pixels_table(model: str, figures: Sequence[BackendFigures]) -> FigureTable:
    """Return how latency and memory of the network grow with its input, one backend a row."""
    rows = tuple(
        (
            f"{size.width}x{size.height}",
            f"{row.backend} {row.precision}",
            _timing(row.timing),
            f"{1e6 * row.timing.p50_ms / (size.width * size.height):.0f}",
            f"{row.speed_up:.2f}",
            f"{row.first_calls.warm.memory_mb:.0f}",
        )
        for size in figures
        for row in size.rows
    )
    return FigureTable(
        f"{model}: network alone against the pixels of its input",
        ("input", "backend", "ms p50 / p95", "ms p50 a megapixel", "times eager", "peak MB"),
        rows,
    )


def stages_table(model: str, figures: StageFigures) -> FigureTable:
    """Return the stages of the Predictor, one backend a column."""
    names = list(figures.stages)
    stages = figures.stages[names[0]]
    return FigureTable(
        f"{model}: Predictor by stage, {figures.width}x{figures.height}, {figures.frames} frames, "
        "ms p50 / p95",
        ("stage", *names),
        tuple(
            (stage.replace("_", " "), *(_timing(figures.stages[name][stage]) for name in names))
            for stage in stages
        ),
        "total: of a raw frame, so without decode jpeg",
    )


def node_table(model: str, figures: NodeFigures) -> FigureTable:
    """Return the stages of Predictor and node side by side."""
    stages = dict.fromkeys((*figures.node, *figures.predictor))
    rows = [
        (
            stage.replace("_", " "),
            *(_timing(found.get(stage)) for found in (figures.predictor, figures.node)),
        )
        for stage in stages
    ]
    return FigureTable(
        f"{model}: node beside Predictor, {figures.width}x{figures.height}, {figures.frames} "
        "frames, ms p50 / p95",
        ("stage", "Predictor alone", "node"),
        (*rows, ("end to end", "", _timing(figures.end_to_end))),
        f"node end to end over Predictor alone: {figures.ratio:.3f} "
        f"(+{figures.overhead_ms:.1f} ms)",
    )


def rate_table(model: str, figures: Sequence[RateFigures]) -> FigureTable:
    """Return what became of frames at a fixed rate, one size a row."""
    return FigureTable(
        f"{model}: node at a fixed rate",
        ("size", "Hz", "sent", "received", "processed", "replaced", "lost"),
        tuple(
            (
                f"{found.width}x{found.height}",
                f"{found.hz:g}",
                *map(str, (found.sent, found.received, found.processed, found.replaced)),
                str(found.lost),
            )
            for found in figures
        ),
        "lost: frames of which an image output did not come",
    )


def cameras_table(model: str, figures: Sequence[CameraFigures]) -> FigureTable:
    """Return the rates of several cameras, one number of cameras a row."""
    return FigureTable(
        f"{model}: cameras at saturation",
        ("cameras", "size", "Hz slowest", "Hz fastest", "Hz all together"),
        tuple(
            (
                str(len(found.rates_hz)),
                f"{found.width}x{found.height}",
                f"{min(found.rates_hz.values()):.1f}",
                f"{max(found.rates_hz.values()):.1f}",
                f"{found.total_hz:.1f}",
            )
            for found in figures
        ),
        "every camera always has a frame waiting; all image outputs of all cameras are subscribed",
    )


def start_table(figures: StartFigures) -> FigureTable:
    """Return how long processes take to start."""
    kinds = {
        "plain Python": figures.python,
        "ldn-openset --help": figures.help,
        "import torch": figures.torch,
        "import of the node": figures.node,
    }
    return FigureTable(
        f"start of processes, medians of {figures.runs}",
        ("process", "CPU s", "wall s", "CPU over plain Python", "CPU over import torch"),
        tuple(
            (
                name,
                f"{found.cpu_s:.3f}",
                f"{found.wall_s:.3f}",
                f"{found.cpu_s / figures.python.cpu_s:.2f}",
                f"{found.cpu_s / figures.torch.cpu_s:.3f}",
            )
            for name, found in kinds.items()
        ),
    )


def times_table(seconds: dict[str, float]) -> FigureTable:
    """Return how long the parts of the benchmark itself took."""
    rows = tuple((part, f"{value:.0f}") for part, value in seconds.items())
    return FigureTable("this benchmark", ("part", "s"), rows)


def _timing(timing: Timing | None) -> str:
    return f"{timing.p50_ms:.1f} / {timing.p95_ms:.1f}" if timing else ""


def _skipped(reasons: dict[str, str]) -> str:
    return "".join(f". Without {variant}: {reason}" for variant, reason in reasons.items())
