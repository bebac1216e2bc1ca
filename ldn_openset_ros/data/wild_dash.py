"""WildDash 1 and 2 (Zendel et al., ECCV 2018 and CVPR 2022): hard road scenes of the world."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ldn_openset_ros.data.cityscapes import LABEL_IDS
from ldn_openset_ros.data.folder import pair_by_stem, read_mapped_truth
from ldn_openset_ros.data.json_files import read_json
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy, load_taxonomy

_WHERE = "the packages are at https://wilddash.cc (an account is needed)"
_LABEL_ENDING = "_labelIds.png"

# In the order of the ids, which is that of the publisher's label policy.
# fmt: off
_NAMES = (
    "unlabeled", "egovehicle", "overlay", "outofroi", "static", "dynamic", "ground", "road",
    "sidewalk", "parking", "railtrack", "building", "wall", "fence", "guardrail", "bridge",
    "tunnel", "pole", "polegroup", "trafficlight", "trafficsign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "caravan", "trailer", "onrails",
    "motorcycle", "bicycle", "pickup", "van", "billboard", "streetlight", "roadmarking",
    "junctionbox", "mailbox", "manhole", "phonebooth", "pothole", "bikerack",
    "trafficsignframe", "utilitypole", "motorcyclist", "bicyclist", "otherrider", "bird",
    "groundanimal", "curb", "trafficsignany", "trafficsignback", "trashcan", "otherbarrier",
    "othervehicle", "autorickshaw", "bench", "mountain", "tramtrack", "wheeledslow", "boat",
    "bikelane", "bikelanesidewalk", "banner", "dashcammount", "water", "sand",
    "pedestrianarea", "firehydrant", "cctvcamera", "snow", "catchbasin", "crosswalkplain",
    "crosswalkzebra", "manholesidewalk", "curbterrain", "servicelane", "curbcut",
)
# fmt: on
_CLASS_OF = {
    "trafficlight": "traffic light",
    "trafficsign": "traffic sign",
    "onrails": "train",
    "pickup": "truck",
    "van": "car",
    "roadmarking": "road",
    "manhole": "road",
    "pothole": "road",
    "tramtrack": "road",
    "bikelane": "road",
    "pedestrianarea": "road",
    "catchbasin": "road",
    "crosswalkplain": "road",
    "crosswalkzebra": "road",
    "servicelane": "road",
    "curb": "sidewalk",
    "curbcut": "sidewalk",
    "bikelanesidewalk": "sidewalk",
    "manholesidewalk": "sidewalk",
    "curbterrain": "terrain",
    "otherbarrier": "wall",
    "trafficsignframe": "pole",
    "utilitypole": "pole",
    "motorcyclist": "rider",
    "bicyclist": "rider",
    "otherrider": "rider",
    "autorickshaw": "motorcycle",
}


class WildDash1(Sequence[Sample]):
    """The 70 public validation frames of WildDash 1, 1920x1080, in the `cityscapes` taxonomy.

    Published as `wd_val_01.zip`: `<name>.png` beside `<name>_labelIds.png`, which holds the label
    ids 0..33 of Cityscapes. `root` is the folder of these files or the one above it
    (`wd_val_01/`). There are no splits and no outlier truth.
    """

    def __init__(self, root: str | Path) -> None:
        self.taxonomy = load_taxonomy("cityscapes")
        root = Path(root)
        folder = root / "wd_val_01" if (root / "wd_val_01").is_dir() else root
        truths = sorted(folder.glob(f"*{_LABEL_ENDING}"))
        if not truths:
            raise OpenSetError(
                f"no WildDash 1 at {folder}: it holds no *{_LABEL_ENDING}; unpack wd_val_01.zip "
                f"there, {_WHERE}"
            )
        self._pairs = [
            (truth.with_name(truth.name.removesuffix(_LABEL_ENDING) + ".png"), truth)
            for truth in truths
        ]
        for picture, truth in self._pairs:
            if not picture.is_file():
                raise OpenSetError(f"{truth} has no picture {picture.name}: {_WHERE}")

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its labels."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        return Sample(picture.stem, rgb, labels=read_mapped_truth(truth, rgb, LABEL_IDS))


class _Panoptic(NamedTuple):
    picture: Path
    segments_file: Path
    train_ids: dict[int, int]


class WildDash2(Sequence[Sample]):
    """The 4256 public frames of WildDash 2, 1920x1080, in the `cityscapes` taxonomy.

    Published as `images/<name>.jpg` with `panoptic.json` and `panoptic/<name>.png` (COCO's
    panoptic format: a pixel's segment is R + 256 G + 65536 B, the JSON file names its category).
    Label maps `labels/<name>.png` with ids 0..80, as older packages hold them, are read in their
    place where they exist. Classes become train ids by name, after the publisher's policy for
    Cityscapes (pickup: truck, van: car, road marking: road, curb: sidewalk, ...); others become
    255.

    `root` is the folder of `images/`. There are no splits and no outlier truth.
    """

    def __init__(self, root: str | Path) -> None:
        self.taxonomy = load_taxonomy("cityscapes")
        root = Path(root)
        images = root / "images"
        if not images.is_dir():
            raise OpenSetError(f"no WildDash 2 at {images}: unpack its public package, {_WHERE}")
        if (root / "labels").is_dir():
            self._frames = pair_by_stem(images, root / "labels")
            self._meaning = {
                label: train_id_of(name, self.taxonomy) for label, name in enumerate(_NAMES)
            }
        elif (root / "panoptic.json").is_file():
            self._frames = _read_panoptic(root, self.taxonomy)
        else:
            raise OpenSetError(
                f"no labels of WildDash 2 at {root / 'panoptic.json'} or {root / 'labels'}: "
                f"{_WHERE}"
            )

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its labels."""
        frame = self._frames[index]
        rgb = read_rgb(frame[0], upright=False)
        if isinstance(frame, _Panoptic):
            labels = _read_segments(frame, rgb)
        else:
            labels = read_mapped_truth(frame[1], rgb, self._meaning)
        return Sample(frame[0].stem, rgb, labels=labels)


def train_id_of(name: str, taxonomy: Taxonomy) -> int:
    """Return the train id of a WildDash 2 class, 255 for one that Cityscapes does not have.

    Spelling varies between packages: spaces, hyphens and a category in brackets do not count.
    """
    plain = name.partition("(")[0].lower().replace(" ", "").replace("-", "")
    wanted = _CLASS_OF.get(plain, plain)
    return taxonomy.names.index(wanted) if wanted in taxonomy.names else IGNORE_INDEX


def _read_panoptic(root: Path, taxonomy: Taxonomy) -> list[_Panoptic]:
    path = root / "panoptic.json"
    content = read_json(path)
    try:
        meaning = {
            entry["id"]: train_id_of(entry["name"], taxonomy) for entry in content["categories"]
        }
        pictures = {entry["id"]: entry["file_name"] for entry in content["images"]}
        frames = [
            _Panoptic(
                root / "images" / pictures[entry["image_id"]],
                root / "panoptic" / entry["file_name"],
                {part["id"]: meaning[part["category_id"]] for part in entry["segments_info"]},
            )
            for entry in content["annotations"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise OpenSetError(
            f"{path} is no COCO panoptic file: {error!r} is missing or wrong; unpack it again"
        ) from None
    if not frames:
        raise OpenSetError(f"{path} lists no frames: unpack it again")
    return sorted(frames, key=lambda frame: frame.picture.name)


def _read_segments(frame: _Panoptic, rgb: np.ndarray) -> np.ndarray:
    colours = read_rgb(frame.segments_file)
    if colours.shape != rgb.shape:
        raise OpenSetError(
            f"{frame.segments_file} is not of the size of {frame.picture.name}: unpack it again"
        )
    segments = colours.astype(np.int32) @ np.array([1, 256, 65536], np.int32)
    found, places = np.unique(segments, return_inverse=True)
    meaning = {0: IGNORE_INDEX} | frame.train_ids
    unknown = [int(segment) for segment in found if int(segment) not in meaning]
    if unknown:
        raise OpenSetError(
            f"{frame.segments_file} holds the segment {unknown[0]}, which panoptic.json does not "
            "list: unpack both again"
        )
    table = np.array([meaning[int(segment)] for segment in found], np.uint8)
    return table[places].reshape(segments.shape)
