"""What the classes of one taxonomy are in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy


@dataclass(frozen=True)
class Refinement:
    """The classes of a fine taxonomy that each class of a coarse one holds.

    groups: of every coarse class, the one that it mostly is first; every fine class is in one
    group. ambiguous: coarse classes that are too often something else than the first.
    """

    groups: dict[str, tuple[str, ...]]
    ambiguous: frozenset[str]

    def is_of(self, coarse: Taxonomy, fine: Taxonomy) -> bool:
        """Return whether these taxonomies have just these classes, whatever their names."""
        parts = {part for group in self.groups.values() for part in group}
        return set(self.groups) == set(coarse.names) and parts == set(fine.names)


REFINEMENTS: dict[tuple[str, str], Refinement] = {
    # SegNet's 11 classes put walls into buildings, grass into trees, traffic lights into signs,
    # trucks, buses and trains into cars, and riders, cycles and motorcycles into bicyclists.
    ("camvid", "cityscapes"): Refinement(
        {
            "sky": ("sky",),
            "building": ("building", "wall"),
            "pole": ("pole",),
            "road": ("road",),
            "pavement": ("sidewalk",),
            "tree": ("vegetation", "terrain"),
            "sign": ("traffic sign", "traffic light"),
            "fence": ("fence",),
            "car": ("car", "truck", "bus", "train"),
            "pedestrian": ("person",),
            "bicyclist": ("rider", "bicycle", "motorcycle"),
        },
        frozenset({"sign", "car", "bicyclist"}),
    ),
}
"""By the names of the coarse and the fine taxonomy."""


def refining_table(coarse: Taxonomy, fine: Taxonomy) -> np.ndarray:
    """Return uint8 (256,): train id of `coarse` -> of `fine`, 255 where it may be several.

    Raises OpenSetError where it is not known what the classes are in `fine`.
    """
    table = np.full(256, IGNORE_INDEX, np.uint8)
    refinement = refinement_of(coarse, fine)
    for train_id, name in enumerate(coarse.names):
        if name not in refinement.ambiguous:
            table[train_id] = fine.names.index(refinement.groups[name][0])
    return table


def folding_table(fine: Taxonomy, coarse: Taxonomy) -> np.ndarray:
    """Return uint8 (256,): train id of `fine` -> of `coarse`, the outlier id to the outlier id.

    Other values become 255. Raises OpenSetError where it is not known which classes are folded.
    """
    table = np.full(256, IGNORE_INDEX, np.uint8)
    refinement = refinement_of(coarse, fine)
    for train_id, name in enumerate(coarse.names):
        table[[fine.names.index(part) for part in refinement.groups[name]]] = train_id
    table[fine.outlier_id] = coarse.outlier_id
    return table


def refinement_of(coarse: Taxonomy, fine: Taxonomy) -> Refinement:
    """Return which classes of `fine` each one of `coarse` holds; itself where both are equal."""
    if coarse == fine:
        return Refinement({name: (name,) for name in fine.names}, frozenset())
    refinement = REFINEMENTS.get((coarse.name, fine.name))
    if refinement is None or not refinement.is_of(coarse, fine):
        raise OpenSetError(
            f"{coarse.name} has no known mapping to the classes of {fine.name}: take its scenes "
            "`without_classes`, or data sets of one taxonomy"
        )
    return refinement


@dataclass(frozen=True)
class ClassComparison:
    """How a model's classes are compared with the truth's.

    taxonomy: of the measures; None where there are none. folding: uint8 (256,), the model's ids ->
    those of `taxonomy`; None where they are the same. mismatch: why labels cannot be compared, and
    note: what was done to compare them, as words for the protocol.
    """

    taxonomy: Taxonomy | None
    folding: np.ndarray | None = None
    mismatch: str = ""
    note: str = ""

    def fold(self, ids: np.ndarray) -> np.ndarray:
        """Return a uint8 map of the model's ids in those of the measures."""
        return ids if self.folding is None else self.folding[ids]


def compare_classes(own: Taxonomy | None, truth: Taxonomy | None) -> ClassComparison:
    """Return how to compare a model's classes, if it has any, with labels of a taxonomy.

    truth: None = it has the model's. Finer classes than the truth's are folded into those.
    """
    difference = "" if own is None or truth is None else truth.difference(own)
    if not difference:
        return ClassComparison(own)
    try:
        folding = folding_table(own, truth)
    except OpenSetError:
        mismatch = (
            f"no mIoU (the truth's classes are those of {truth.name}, the model's those of "
            f"{own.name}: {difference})"
        )
        return ClassComparison(None, mismatch=mismatch)
    note = f"classes of {own.name} folded into those of {truth.name}"
    return ClassComparison(truth, folding, note=note)
