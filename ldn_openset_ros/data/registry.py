"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.cityscapes import Cityscapes
from ldn_openset_ros.data.cityscapes_squashed import CityscapesSquashed
from ldn_openset_ros.data.fishyscapes import FishyscapesLostAndFound, FishyscapesStatic
from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.data.idd_lite import IddLite
from ldn_openset_ros.data.lost_and_found import LostAndFound
from ldn_openset_ros.data.ordinary_roads import OrdinaryRoads
from ldn_openset_ros.data.road_anomaly import RoadAnomaly
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.segment_me_if_you_can import SegmentMeIfYouCan
from ldn_openset_ros.data.street_hazards import StreetHazards
from ldn_openset_ros.data.vistas import Vistas
from ldn_openset_ros.data.wild_dash import WildDash1, WildDash2
from ldn_openset_ros.errors import OpenSetError

FOLDER = "folder"
"""The data set of a user's own pictures."""

_Reader = Callable[[Path, str | None, str | None], Sequence[Sample]]


def open_dataset(
    name: str,
    root: str | Path,
    split: str | None = None,
    sequence: str | None = None,
    outlier_value: int | None = None,
) -> Sequence[Sample]:
    """Open the data set `name` that lies at `root`.

    Where `split` is None, the split with public labels that is meant for tests is taken: `test` of
    camvid, lost_and_found and street_hazards, `val` of cityscapes, cityscapes_squashed and vistas,
    `validation` of smiyc_anomaly and smiyc_obstacle; all of idd_lite and roads. The others have no
    splits. camvid and lost_and_found can be narrowed to one video. `roads` is a folder of pictures
    of ordinary drives, `folder` one with `images/` and, where truth is known, `labels/`;
    outlier_value is for the latter alone, see PictureFolder. Raises OpenSetError for an unknown
    name, split or sequence and for missing files.
    """
    if name not in _READERS:
        raise OpenSetError(f"no data set {name!r}: choose {', '.join(DATASET_NAMES)}")
    if name == FOLDER:
        return _open_folder(Path(root), split, sequence, outlier_value)
    if outlier_value is not None:
        raise OpenSetError(f"{name} has an encoding of its own: leave --outlier-value out")
    return _READERS[name](Path(root), split, sequence)


def _with_sequences(reader: type, default: str) -> _Reader:
    return lambda root, split, sequence: reader(root, split or default, sequence)


def _with_splits(
    name: str, reader: Callable[..., Sequence[Sample]], default: str | None
) -> _Reader:
    def opened(root: Path, split: str | None, sequence: str | None) -> Sequence[Sample]:
        _refuse(name, "sequences", sequence)
        return reader(root, split=split or default)

    return opened


def _whole(name: str, reader: Callable[[Path], Sequence[Sample]]) -> _Reader:
    def opened(root: Path, split: str | None, sequence: str | None) -> Sequence[Sample]:
        _refuse(name, "splits", split)
        _refuse(name, "sequences", sequence)
        return reader(root)

    return opened


def _open_folder(
    root: Path, split: str | None, sequence: str | None, outlier_value: int | None = None
) -> PictureFolder:
    _refuse(FOLDER, "splits", split)
    _refuse(FOLDER, "sequences", sequence)
    labels = root / "labels"
    return PictureFolder(root / "images", labels if labels.is_dir() else None, outlier_value)


def _refuse(name: str, what: str, value: str | None) -> None:
    if value is not None:
        raise OpenSetError(f"{name} has no {what}: leave {value!r} out")


_READERS: dict[str, _Reader] = {
    "camvid": _with_sequences(CamVid, "test"),
    "cityscapes": _with_splits("cityscapes", Cityscapes, "val"),
    "cityscapes_squashed": _with_splits("cityscapes_squashed", CityscapesSquashed, "val"),
    "vistas": _with_splits("vistas", Vistas, "val"),
    "wilddash1": _whole("wilddash1", WildDash1),
    "wilddash2": _whole("wilddash2", WildDash2),
    "street_hazards": _with_splits("street_hazards", StreetHazards, "test"),
    "road_anomaly": _whole("road_anomaly", RoadAnomaly),
    "lost_and_found": _with_sequences(LostAndFound, "test"),
    "fishyscapes_lost_and_found": _whole("fishyscapes_lost_and_found", FishyscapesLostAndFound),
    "fishyscapes_static": _whole("fishyscapes_static", FishyscapesStatic),
    "smiyc_anomaly": _with_splits(
        "smiyc_anomaly", partial(SegmentMeIfYouCan, track="anomaly"), "validation"
    ),
    "smiyc_obstacle": _with_splits(
        "smiyc_obstacle", partial(SegmentMeIfYouCan, track="obstacle"), "validation"
    ),
    "idd_lite": _with_splits("idd_lite", IddLite, None),
    "roads": _with_splits("roads", OrdinaryRoads, None),
    FOLDER: _open_folder,
}

DATASET_NAMES = tuple(_READERS)
"""The names `open_dataset` knows."""

WITHOUT_SPLITS = frozenset(
    {
        "wilddash1",
        "wilddash2",
        "road_anomaly",
        "fishyscapes_lost_and_found",
        "fishyscapes_static",
        FOLDER,
    }
)
"""Those of them that take no split."""
