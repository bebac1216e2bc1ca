"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.data.road_anomaly import RoadAnomaly
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError


def open_dataset(name: str, root: str | Path, split: str | None = None) -> Sequence[Sample]:
    """Open the data set `name` that lies at `root`.

    camvid and lost_and_found take their `test` split where `split` is None; road_anomaly and
    folder have no splits. `folder` is a folder with `images/` and, where known, `labels/`.
    Raises OpenSetError for an unknown name or split and for missing files.
    """
    if name not in _READERS:
        raise OpenSetError(f"no data set {name!r}: choose {', '.join(DATASET_NAMES)}")
    return _READERS[name](Path(root), split)


def _open_camvid(root: Path, split: str | None) -> CamVid:
    return CamVid(root, split or "test")


def _open_folder(root: Path, split: str | None) -> PictureFolder:
    if split is not None:
        raise OpenSetError(f"folder has no splits: leave {split!r} out")
    labels = root / "labels"
    return PictureFolder(root / "images", labels if labels.is_dir() else None)


_READERS: dict[str, Callable[[Path, str | None], Sequence[Sample]]] = {
    "camvid": _open_camvid,
    "road_anomaly": RoadAnomaly,
    "folder": _open_folder,
}

DATASET_NAMES = tuple(_READERS)
"""The names `open_dataset` knows."""
