"""Objects of Pascal VOC 2012 (Everingham et al., IJCV 2015), cut out by their masks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ldn_openset_ros.data.cut_outs import CutOut, cut_out
from ldn_openset_ros.data.folder import values_outside
from ldn_openset_ros.data.pictures import read_label_map, read_rgb
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX

# fmt: off
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
    "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant",
    "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
"""Names in the order of the ids 0..20 of SegmentationClass."""

ANIMALS = ("bird", "cat", "cow", "dog", "horse", "sheep")


class _Instance(NamedTuple):
    picture: Path
    masks: Path
    value: int


class PascalVoc(Sequence[CutOut]):
    """The animals, or other classes, of the segmentation pictures, one item an instance.

    The published layout, of VOC 2012 or an earlier year: `ImageSets/Segmentation/<split>.txt`,
    `JPEGImages/<name>.jpg`, and the palette PNGs `SegmentationClass/<name>.png` (0..20, 255 void)
    and `SegmentationObject/<name>.png` (0 none, 1, 2, ... the instances, 255 void). `root` is this
    folder or one above it (`VOCdevkit/VOC2012/`). Opening reads the masks of the split, 2913
    pictures in `trainval`.

    classes: names from `CLASSES`. minimum_area: leave out instances of fewer pixels; WD-Pascal
    takes those of at least 1 % of the picture they are pasted into.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "trainval",
        classes: Collection[str] = ANIMALS,
        minimum_area: int = 1,
    ) -> None:
        unknown = sorted(set(classes) - set(CLASSES[1:]))
        if unknown:
            raise OpenSetError(
                f"Pascal VOC has no class {unknown[0]!r}: choose {', '.join(CLASSES[1:])}"
            )
        folder = _find_folder(Path(root))
        wanted = [CLASSES.index(name) for name in classes]
        self._instances = [
            instance
            for name in _read_names(folder, split)
            for instance in _find_instances(folder, name, wanted, max(1, minimum_area))
        ]
        if not self._instances:
            raise OpenSetError(
                f"{folder} has no object of at least {minimum_area} pixels of the classes "
                f"{', '.join(classes)}: lower minimum_area or give other classes"
            )

    def __len__(self) -> int:
        """Return the number of instances."""
        return len(self._instances)

    def __getitem__(self, index: int) -> CutOut:
        """Cut one instance out of its picture."""
        picture, masks, value = self._instances[index]
        rgb = read_rgb(picture, upright=False)
        mask = read_label_map(masks) == value
        if mask.shape != rgb.shape[:2]:
            raise OpenSetError(f"{masks} is not of its picture's size: unpack it again")
        return cut_out(f"{picture.stem}_{value}", rgb, mask)


def _find_folder(root: Path) -> Path:
    for folder in (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"):
        if (folder / "SegmentationObject").is_dir():
            return folder
    raise OpenSetError(
        f"no Pascal VOC at {root / 'SegmentationObject'}: unpack VOCtrainval_11-May-2012.tar of "
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012 there"
    )


def _read_names(folder: Path, split: str) -> list[str]:
    path = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
    try:
        return path.read_text().split()
    except OSError as error:
        raise OpenSetError(
            f"cannot read {path}: {error.strerror}; its split is train, val or trainval"
        ) from None


def _find_instances(
    folder: Path, name: str, wanted: list[int], minimum_area: int
) -> list[_Instance]:
    class_path = folder / "SegmentationClass" / f"{name}.png"
    object_path = folder / "SegmentationObject" / f"{name}.png"
    classes = read_label_map(class_path)
    unknown = values_outside(classes, (*range(len(CLASSES)), IGNORE_INDEX))
    if unknown:
        raise OpenSetError(f"{class_path} holds the value {unknown[0]}: allowed are 0..20 and 255")
    if not np.isin(classes, wanted).any():
        return []
    objects = read_label_map(object_path)
    if objects.shape != classes.shape:
        raise OpenSetError(f"{object_path} and {class_path} differ in size: unpack them again")
    instances = []
    for value in np.unique(objects):
        mask = objects == value
        # All pixels of an instance are of one class.
        is_wanted = value not in (0, IGNORE_INDEX) and classes[mask][0] in wanted
        if is_wanted and np.count_nonzero(mask) >= minimum_area:
            picture = folder / "JPEGImages" / f"{name}.jpg"
            instances.append(_Instance(picture, object_path, int(value)))
    return instances
