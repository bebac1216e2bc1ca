"""Mapillary Vistas (Neuhold et al., ICCV 2017), versions 1.2 and 2.0, in Cityscapes' classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ldn_openset_ros.data.folder import pair_by_stem, read_mapped_truth
from ldn_openset_ros.data.json_files import read_json
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy, load_taxonomy

FOLDERS = {"train": "training", "val": "validation"}
VERSIONS = ("v1.2", "v2.0")

CLASS_OF = {
    "construction--flat--road": "road",
    "construction--flat--bike-lane": "road",
    "construction--flat--crosswalk-plain": "road",
    "construction--flat--parking": "road",
    "construction--flat--parking-aisle": "road",
    "construction--flat--rail-track": "road",
    "construction--flat--road-shoulder": "road",
    "construction--flat--service-lane": "road",
    "marking": "road",
    "marking-only": "road",
    "construction--flat--sidewalk": "sidewalk",
    "construction--flat--curb-cut": "sidewalk",
    "construction--flat--pedestrian-area": "sidewalk",
    "construction--flat--traffic-island": "sidewalk",
    "construction--barrier--curb": "sidewalk",
    "construction--structure": "building",
    "construction--barrier--wall": "wall",
    "construction--barrier--fence": "fence",
    "construction--barrier--guard-rail": "fence",
    "object--support--pole": "pole",
    "object--support--utility-pole": "pole",
    "object--traffic-light": "traffic light",
    "object--support--traffic-sign-frame": "traffic sign",
    "object--traffic-sign--front": "traffic sign",
    "object--traffic-sign--direction-front": "traffic sign",
    "object--traffic-sign--information-parking": "traffic sign",
    "object--traffic-sign--temporary-front": "traffic sign",
    "nature--vegetation": "vegetation",
    "nature--terrain": "terrain",
    "nature--sand": "terrain",
    "nature--snow": "terrain",
    "nature--sky": "sky",
    "human--person": "person",
    "human--rider": "rider",
    "object--vehicle--car": "car",
    "object--vehicle--truck": "truck",
    "object--vehicle--bus": "bus",
    "object--vehicle--on-rails": "train",
    "object--vehicle--motorcycle": "motorcycle",
    "object--vehicle--bicycle": "bicycle",
}
"""Name of a Vistas class, or of a parent of it -> its class in Cityscapes.

For version 1.2 this is the mapping that the authors' line of work uses. Version 2.0 splits some
of its classes (people, lights, markings), which keep the class of their parent, and adds others
(parking aisle, shoulder, traffic island, more signs), which go where 1.2 had their pixels.
"""


class Vistas(Sequence[Sample]):
    """Road scenes of many sizes and countries, labelled with the `cityscapes` taxonomy.

    Two published layouts are read, where `<split>` is `training` or `validation`:

    - packages of version 2.0: `<split>/images/<name>.jpg` with
      `<split>/{v1.2,v2.0}/labels/<name>.png`, names in `config_{v1.2,v2.0}.json`;
    - packages of version 1.2 alone: `<split>/labels/<name>.png`, names in `config.json`.

    Label maps hold the index of a class in the config file (66 classes in 1.2, 124 in 2.0), which
    becomes a train id by the class's name (`CLASS_OF`); classes without a counterpart become 255.

    root: folder of the data set. split: train (18000 pictures) or val (2000).
    version: which labels; the paper used 1.2.
    """

    def __init__(
        self, root: str | Path, split: str, version: Literal["v1.2", "v2.0"] = "v1.2"
    ) -> None:
        self.taxonomy = load_taxonomy("cityscapes")
        if split not in FOLDERS:
            raise OpenSetError(f"vistas has no split {split!r}: choose {', '.join(FOLDERS)}")
        if version not in VERSIONS:
            raise OpenSetError(f"vistas has no version {version!r}: choose {', '.join(VERSIONS)}")
        root = Path(root)
        folder = root / FOLDERS[split]
        config = root / f"config_{version}.json"
        labels = folder / version / "labels"
        if not config.is_file() and version == "v1.2":
            config, labels = root / "config.json", folder / "labels"
        for part in (config, folder / "images", labels):
            if not part.exists():
                raise OpenSetError(
                    f"no Mapillary Vistas {version} at {part}: unpack the package of "
                    "https://www.mapillary.com/dataset/vistas into one folder"
                )
        self._meaning = read_meaning(config, self.taxonomy)
        self._pairs = pair_by_stem(folder / "images", labels)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its labels."""
        picture, truth = self._pairs[index]
        rgb = read_rgb(picture, upright=False)
        return Sample(picture.stem, rgb, labels=read_mapped_truth(truth, rgb, self._meaning))


def read_meaning(config: Path, taxonomy: Taxonomy) -> dict[int, int]:
    """Return index in a Vistas config file -> train id of `taxonomy`, 255 where it has none."""
    try:
        names = [str(entry["name"]) for entry in read_json(config)["labels"]]
    except (KeyError, TypeError) as error:
        raise OpenSetError(
            f"{config} is no Vistas config file (labels: a list of name, ...): {error!r}; unpack "
            "it again"
        ) from None
    train_ids = {name: train_id for train_id, name in enumerate(taxonomy.names)}
    meaning = {i: train_ids.get(class_of(name), IGNORE_INDEX) for i, name in enumerate(names)}
    if set(meaning.values()) <= {IGNORE_INDEX} or len(names) > 256:
        raise OpenSetError(f"{config} names no class of Vistas: unpack it again")
    return meaning


def class_of(name: str) -> str | None:
    """Return the Cityscapes class of a Vistas class, by its own name or the nearest parent's."""
    while name:
        if name in CLASS_OF:
            return CLASS_OF[name]
        name = name.rpartition("--")[0]
    return None
