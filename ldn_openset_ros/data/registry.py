"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.data.lost_and_found import LostAndFound
from ldn_openset_ros.data.road_anomaly import RoadAnomaly
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError


def open_dataset(
    name: str, root: str | Path, split: str | None = None, sequence: str | None = None
) -> Sequence[Sample]:
    """Open the data set `name` that lies at `root`.

    camvid and lost_and_found take their `test` split where `split` is None and can be narrowed to
    one video; road_anomaly and folder have neither. `folder` is a folder with `images/` and, where
    truth is known, `labels/`. Raises OpenSetError for an unknown name, split or sequence and for
    missing files.
    """
    if name not in _READERS:
        raise OpenSetError(f"no data set {name!r}: choose {', '.join(DATASET_NAMES)}")
    return _READERS[name](Path(root), split, sequence)


def _open_camvid(root: Path, split: str | None, sequence: str | None) -> CamVid:
    return CamVid(root, split or "test", sequence)


def _open_road_anomaly(root: Path, split: str | None, sequence: str | None) -> RoadAnomaly:
    _refuse_sequence("road_anomaly", sequence)
    return RoadAnomaly(root, split)


def _open_lost_and_found(root: Path, split: str | None, sequence: str | None) -> LostAndFound:
    return LostAndFound(root, split or "test", sequence)


def _open_folder(root: Path, split: str | None, sequence: str | None) -> PictureFolder:
    _refuse_sequence("folder", sequence)
    if split is not None:
        raise OpenSetError(f"folder has no splits: leave {split!r} out")
    labels = root / "labels"
    return PictureFolder(root / "images", labels if labels.is_dir() else None)


def _refuse_sequence(name: str, sequence: str | None) -> None:
    if sequence is not None:
        raise OpenSetError(f"{name} has no sequences: leave {sequence!r} out")


_READERS: dict[str, Callable[[Path, str | None, str | None], Sequence[Sample]]] = {
    "camvid": _open_camvid,
    "road_anomaly": _open_road_anomaly,
    "lost_and_found": _open_lost_and_found,
    "folder": _open_folder,
}

DATASET_NAMES = tuple(_READERS)
"""The names `open_dataset` knows."""
