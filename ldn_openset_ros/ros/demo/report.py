"""Turn a recording into figures, pictures and a video. No ROS here."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from ldn_openset_ros.data.pictures import write_picture
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.legend import legend
from ldn_openset_ros.ros.demo.pictures import (
    VideoWriter,
    evenly_spaced,
    outlier_pixels,
    panel,
)
from ldn_openset_ros.ros.demo.sources import Source
from ldn_openset_ros.ros.demo.spool import FrameSpool
from ldn_openset_ros.ros.demo.summary import Recording, Summary, rate_of, summarise
from ldn_openset_ros.ros.demo.tally import Tally
from ldn_openset_ros.ros.parameters import DEFAULTS
from ldn_openset_ros.taxonomy import Taxonomy, load_taxonomy

PANELS = 6
SUMMARY_FILE = "summary.json"
VIDEO_FILE = "video.mp4"
BEST_FILE = "best.png"


def clear(output: Path) -> None:
    """Remove what an earlier demo left in a folder, so that nothing old passes for new."""
    for pattern in (SUMMARY_FILE, VIDEO_FILE, BEST_FILE, "frame_*.png", "logs/*"):
        for path in output.glob(pattern):
            path.unlink()


def report(
    source: Source, recording: Recording, spool: FrameSpool, taxonomy: Taxonomy, output: Path
) -> Summary:
    """Measure the recorded frames and write panels, the best one, and a video to `output`.

    taxonomy: the model's; the published legend must agree with it. The best panel is that with
    the most outlier pixels.
    """
    threshold = check_legend(recording.legend, taxonomy)
    truth = load_taxonomy(source.classes) if source.classes else None
    tally = Tally(taxonomy, threshold, DEFAULTS["overlay_opacity"], truth)
    shown = evenly_spaced(len(spool), PANELS)
    most, best = -1, None
    with VideoWriter(output / VIDEO_FILE, rate_of(recording) or 1.0) as video:
        for index, frame in enumerate(
            tqdm(spool, desc="measuring", total=len(spool), unit="frame")
        ):
            tally.add(frame)
            picture = panel(frame, taxonomy)
            video.add(picture)
            if index in shown:
                write_picture(output / f"frame_{index:04d}.png", picture)
            count = outlier_pixels(frame, taxonomy)
            if count > most:
                most, best = count, picture
    if best is not None:
        write_picture(output / BEST_FILE, best)
    return summarise(source.title, recording, tally)


def check_legend(content: dict | None, taxonomy: Taxonomy) -> float:
    """Return the threshold that the node published.

    Raises OpenSetError where there is no legend or it contradicts the model's classes.
    """
    if content is None:
        raise OpenSetError("the node published no legend: see its log")
    for name, value in legend(taxonomy).items():
        if content.get(name) != value:
            raise OpenSetError(f"the node's legend has other {name} than the model: see its log")
    threshold = content.get("threshold")
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise OpenSetError(f"the node's legend has the threshold {threshold}: see its log")
    return float(threshold)
