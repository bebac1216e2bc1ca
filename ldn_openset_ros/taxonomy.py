"""Semantic classes: ids, names and colours of a closed set."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.settings import read_yaml

IGNORE_INDEX = 255
"""Label of pixels that count neither in a loss nor in a measure (void)."""

OUTLIER_COLOUR = (255, 0, 220)
"""RGB of the outlier class in open-set maps and overlays."""


@dataclass(frozen=True)
class SemanticClass:
    """One known class: its name and its RGB colour, 0..255.

    Measures use the rest, where a data set publishes it; it makes no class another one, so classes
    with and without it are equal.
    """

    name: str
    colour: tuple[int, int, int]
    category: str | None = field(default=None, compare=False)
    """Name of the group of classes that it belongs to."""
    instance_size: float | None = field(default=None, compare=False)
    """Mean pixels of an instance at the data set's resolution; None for what has no instances."""


@dataclass(frozen=True)
class Taxonomy:
    """The closed set of C classes; a class's train id is its place in `classes`."""

    name: str
    classes: tuple[SemanticClass, ...]

    def __post_init__(self) -> None:
        if not 2 <= len(self.classes) <= 254:
            raise OpenSetError(
                f"taxonomy {self.name!r} has {len(self.classes)} classes: give 2 to 254, since "
                "255 is void and one id is kept for outliers"
            )
        for entry in self.classes:
            if len(entry.colour) != 3 or not all(0 <= value <= 255 for value in entry.colour):
                raise OpenSetError(
                    f"taxonomy {self.name!r}: colour of {entry.name!r} must be three numbers "
                    "from 0 to 255"
                )
            size = entry.instance_size
            if size is not None and not 0 < size < math.inf:
                raise OpenSetError(
                    f"taxonomy {self.name!r}: instance_size of {entry.name!r} is {size}: give "
                    "pixels above 0 or leave it out"
                )

    @property
    def num_classes(self) -> int:
        """C, the number of known classes."""
        return len(self.classes)

    @property
    def outlier_id(self) -> int:
        """The id that open-set maps give to outlier pixels: C."""
        return self.num_classes

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in the order of their train ids."""
        return tuple(entry.name for entry in self.classes)

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories in the order of their first class; empty where there are none.

        Their places in it are the ids in `category_ids`.
        """
        named = [entry.category for entry in self.classes if entry.category is not None]
        return tuple(dict.fromkeys(named))

    @property
    def category_ids(self) -> tuple[int | None, ...]:
        """For every class the id of its category, None for those without."""
        ids = {name: number for number, name in enumerate(self.categories)}
        return tuple(ids.get(entry.category) for entry in self.classes)

    @property
    def instance_sizes(self) -> tuple[float | None, ...]:
        """For every class the mean pixels of an instance, None for those without."""
        return tuple(entry.instance_size for entry in self.classes)

    def difference(self, other: Taxonomy) -> str:
        """Return in words why train ids of the other taxonomy are none of this one's.

        Empty where the names of the classes and their order are the same.
        """
        if self.names == other.names:
            return ""
        pairs = enumerate(zip_longest(self.names, other.names, fillvalue="none"))
        number, (own, others) = next(entry for entry in pairs if entry[1][0] != entry[1][1])
        return (
            f"id {number} of {self.num_classes} is {own} in {self.name}, "
            f"{number} of {other.num_classes} is {others} in {other.name}"
        )

    def palette(self) -> np.ndarray:
        """Return a uint8 (256, 3) RGB look-up table for label and open-set maps.

        Known ids have their class colour, id C the outlier colour, all others black.
        """
        table = np.zeros((256, 3), np.uint8)
        table[: self.num_classes] = [entry.colour for entry in self.classes]
        table[self.outlier_id] = OUTLIER_COLOUR
        return table

    def to_dict(self) -> dict:
        """Return plain YAML-ready values; `from_dict` reads them back."""
        return {"name": self.name, "classes": [_class_to_dict(entry) for entry in self.classes]}

    @classmethod
    def from_dict(cls, values: dict) -> Taxonomy:
        """Build a taxonomy from `to_dict`'s form; raises OpenSetError where it is malformed."""
        try:
            classes = tuple(_class_from_dict(entry) for entry in values["classes"])
            return cls(str(values["name"]), classes)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise OpenSetError(
                "a taxonomy needs `name` and `classes`, a list of {name, colour: [R, G, B]} with "
                f"or without category and instance_size: {error!r}"
            ) from None


def _class_to_dict(entry: SemanticClass) -> dict:
    values: dict = {"name": entry.name, "colour": list(entry.colour)}
    if entry.category is not None:
        values["category"] = entry.category
    if entry.instance_size is not None:
        values["instance_size"] = entry.instance_size
    return values


def _class_from_dict(values: dict) -> SemanticClass:
    category, size = values.get("category"), values.get("instance_size")
    return SemanticClass(
        str(values["name"]),
        tuple(int(value) for value in values["colour"]),
        None if category is None else str(category),
        None if size is None else float(size),
    )


def load_taxonomy(name: str | Path) -> Taxonomy:
    """Read a taxonomy by the name of a shipped one ("camvid") or from a YAML file."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = config_file("taxonomies", f"{name}.yaml")
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in config_file("taxonomies").glob("*.yaml")))
        raise OpenSetError(f"no taxonomy {str(name)!r}: give a YAML file or one of {known}")
    return Taxonomy.from_dict(read_yaml(path))
