"""Object instances of ADE20K (Zhou et al., IJCV 2019) as negatives with masks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ldn_openset_ros.data.json_files import read_json
from ldn_openset_ros.data.negatives import Negative, bounding_box
from ldn_openset_ros.data.pictures import read_label_map, read_rgb
from ldn_openset_ros.errors import OpenSetError

SPLITS = ("training", "validation")

# fmt: off
KNOWN_CLASSES = frozenset((
    "road", "sidewalk", "pavement", "building", "house", "skyscraper", "wall", "fence", "pole",
    "streetlight", "grass", "tree", "palm", "plant", "earth", "field", "sky", "person", "car",
    "van", "truck", "bus", "train", "minibike", "motorcycle", "bicycle",
    "traffic light", "traffic sign",
))
# fmt: on
"""Names of what Cityscapes knows or what fills the background of a street."""


class Ade20kInstances(Sequence[Negative]):
    """Whole objects, not their parts, each with the mask of its instance.

    The layout of release 2021_17_01, below `images/ADE/<split>/<scene group>/<scene>/`:
    `<name>.jpg`; `<name>.json`, whose `annotation.object` lists the objects with their names and
    part levels; and the masks that it names, `<name>/instance_<number>_<name>.png`, not 0 on the
    object. The maps of all objects in one, `<name>_seg.png`, are not read. Opening reads all JSON
    files of the split.

    root: the folder ADE20K_2021_17_01. split: training or validation.
    exclude: objects with one of these among their names are left out; the default keeps the known
        classes of road scenes from being taught as outliers (the paper does not say what it did).
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "training",
        exclude: Collection[str] = KNOWN_CLASSES,
    ) -> None:
        if split not in SPLITS:
            raise OpenSetError(f"ade20k has no split {split!r}: choose {', '.join(SPLITS)}")
        folder = Path(root) / "images" / "ADE" / split
        remedy = (
            "unpack ADE20K_2021_17_01.zip of https://groups.csail.mit.edu/vision/datasets/ADE20K "
            "(an account is needed)"
        )
        if not folder.is_dir():
            raise OpenSetError(f"no ADE20K at {folder}: {remedy}")
        excluded = frozenset(exclude)
        self._instances = [
            (annotation.with_suffix(".jpg"), annotation.parent / mask)
            for annotation in sorted(folder.rglob("*.json"))
            for mask in _masks(annotation, excluded)
        ]
        if not self._instances:
            raise OpenSetError(f"{folder} holds no annotated objects (*.json): {remedy}")

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self._instances)

    def __getitem__(self, index: int) -> Negative:
        """Read one object: its whole picture, its box and its mask."""
        picture, mask_path = self._instances[index]
        rgb = read_rgb(picture, upright=False)
        mask = read_label_map(mask_path) > 0
        if mask.shape != rgb.shape[:2] or not mask.any():
            raise OpenSetError(f"{mask_path} is empty or not of its picture's size: replace it")
        return Negative(mask_path.stem, rgb, bounding_box(mask), mask)


def _masks(annotation: Path, excluded: frozenset[str]) -> list[str]:
    # Some names hold single bytes above 127, which are no UTF-8.
    content = read_json(annotation, "latin-1")
    try:
        objects = content["annotation"]["object"]
        # JSON written by MATLAB may leave out the list around a single object.
        return [
            str(entry["instance_mask"])
            for entry in (objects if isinstance(objects, list) else [objects])
            if int(entry["parts"]["part_level"]) == 0
            and excluded.isdisjoint(name.strip() for name in str(entry["name"]).split(","))
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise OpenSetError(
            f"{annotation} is no annotation of ADE20K 2021_17_01: {error!r} is missing or wrong; "
            "unpack it again"
        ) from None
