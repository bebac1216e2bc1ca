"""The frames that a person should look at first, with a picture of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from ldn_openset_ros.data.pictures import write_picture
from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.summary import WorstFrame
from ldn_openset_ros.inference.overlay import blend_overlay, heat_map
from ldn_openset_ros.inference.panel import tiled
from ldn_openset_ros.taxonomy import Taxonomy

KEPT = 6
PICTURE_WIDTH = 1280
OPACITY = 0.5
FOUND, MISSED, FALSE_ALARM = (70, 190, 90), (235, 50, 40), (255, 170, 0)
"""RGB of outliers found and missed, and of inliers called outlier."""

KINDS = ("missed_outliers", "false_alarms", "most_outliers")
"""Most outlier pixels not found, most inlier pixels called outlier, most pixels called outlier."""


class WorstFrames:
    """The KEPT worst frames of each kind, in constant memory; ties go to the earlier frame."""

    def __init__(self, ranked: dict[str, list[WorstFrame]] | None = None) -> None:
        """Start empty, or from the `ranked` of another one."""
        self.ranked = {kind: list((ranked or {}).get(kind, ())) for kind in KINDS}
        """Worst first."""

    def offer(self, frame: JudgedFrame, record: FrameRecord, picture: str) -> bool:
        """Take a frame in where it is among the worst; return whether its picture is needed.

        picture: the path, relative to the results folder, where it will be.
        """
        called = int(frame.called.sum()) if frame.called is not None else None
        return any(
            [
                self._insert("missed_outliers", record.missed, frame.name, picture),
                self._insert("false_alarms", record.false_alarms, frame.name, picture),
                self._insert("most_outliers", called, frame.name, picture),
            ]
        )

    def merge(self, others: Iterable[WorstFrames]) -> WorstFrames:
        """Return the worst frames of this one and of others."""
        merged = WorstFrames(self.ranked)
        for other in others:
            for kind, frames in other.ranked.items():
                for worst in frames:
                    merged._insert(kind, worst.pixels, worst.frame, worst.picture)
        return merged

    def pictures(self) -> set[str]:
        """Return the paths of all pictures in use."""
        return {worst.picture for frames in self.ranked.values() for worst in frames}

    def _insert(self, kind: str, pixels: int | None, frame: str, picture: str) -> bool:
        frames = self.ranked[kind]
        if not pixels:
            return False
        place = sum(worst.pixels >= pixels for worst in frames)
        if place >= KEPT:
            return False
        frames.insert(place, WorstFrame(frame, pixels, picture))
        del frames[KEPT:]
        return True


def write_panel(path: Path, frame: JudgedFrame, taxonomy: Taxonomy | None) -> None:
    """Write a JPEG or PNG of a frame: camera, errors, outlier probability, open-set map.

    What is not known is left out; raises OpenSetError where the file cannot be written.
    """
    tiles = []
    if frame.rgb is not None:
        tiles.append(("camera", frame.rgb))
    if frame.called is not None and frame.outlier_truth is not None:
        tiles.append(("green: found, red: missed, orange: false alarm", error_map(frame)))
    if frame.prediction.outlier is not None:
        tiles.append(("outlier probability", heat_map(frame.prediction.outlier)))
    if frame.prediction.open_set is not None and taxonomy is not None:
        rgb = _background(frame)
        overlay = blend_overlay(rgb, frame.prediction.open_set, taxonomy, OPACITY)
        tiles.append(("open set", overlay))
    picture = tiled(tiles)
    height, width = picture.shape[:2]
    if width > PICTURE_WIDTH:
        size = (PICTURE_WIDTH, round(height * PICTURE_WIDTH / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    write_picture(path, picture)


def error_map(frame: JudgedFrame) -> np.ndarray:
    """Return the frame in grey with right and wrong decisions in colour, uint8 (H, W, 3)."""
    grey = cv2.cvtColor(_background(frame), cv2.COLOR_RGB2GRAY) // 2
    picture = np.repeat(grey[..., None], 3, axis=2)
    outlier, inlier = frame.outlier_truth == 1, frame.outlier_truth == 0
    picture[outlier & frame.called] = FOUND
    picture[outlier & ~frame.called] = MISSED
    picture[inlier & frame.called] = FALSE_ALARM
    return picture


def _background(frame: JudgedFrame) -> np.ndarray:
    return np.full((*frame.size, 3), 96, np.uint8) if frame.rgb is None else frame.rgb
