"""Road scenes of one taxonomy in the classes of another, or without any class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ldn_openset_ros.data.pasting import inlier_truth
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy

MAPPINGS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("camvid", "cityscapes"): {
        "pavement": ("sidewalk",),
        "tree": ("vegetation",),
        "sign": ("traffic sign", "traffic light"),
        "car": ("car", "truck", "bus", "train"),
        "pedestrian": ("person",),
        "bicyclist": ("rider", "bicycle", "motorcycle"),
    },
}
"""(taxonomy, target taxonomy) -> class -> the classes that it may be in the target.

A class of the same name there needs no entry. One that may be several stands for none of them:
its pixels are inliers without a class.
"""


class MappedScenes(Sequence[Sample]):
    """Road scenes with labels in `target`'s classes, and outlier truth.

    What has no single class in `target` gets the label 255 and stays an inlier. scenes: with
    class labels. Raises OpenSetError where no mapping to `target` is known.
    """

    def __init__(self, scenes: Sequence[Sample], source: Taxonomy, target: Taxonomy) -> None:
        self.taxonomy = target
        self._scenes = scenes
        self._table = label_table(source, target)

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Sample:
        scene = self._scenes[index]
        outlier = inlier_truth(scene) if scene.outlier is None else scene.outlier
        return replace(scene, labels=self._table[scene.labels], outlier=outlier, instances=None)


class ScenesWithoutClasses(Sequence[Sample]):
    """Road scenes whose classes are not told: labels are 255, outlier truth stays.

    A scene without any truth is inlier as a whole.
    """

    def __init__(self, scenes: Sequence[Sample]) -> None:
        self._scenes = scenes

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Sample:
        scene = self._scenes[index]
        outlier = inlier_truth(scene) if scene.outlier is None else scene.outlier
        labels = np.full_like(outlier, IGNORE_INDEX)
        return replace(scene, labels=labels, outlier=outlier, instances=None)


def label_table(source: Taxonomy, target: Taxonomy) -> np.ndarray:
    """Return uint8 (256,): train id of `source` -> that of `target`, 255 where there is none.

    Raises OpenSetError where it is not known what the classes are called in `target`.
    """
    table = np.full(256, IGNORE_INDEX, np.uint8)
    mapping = mapping_between(source, target)
    for train_id, name in enumerate(source.names):
        if len(mapping[name]) == 1:
            table[train_id] = target.names.index(mapping[name][0])
    return table


def mapping_between(source: Taxonomy, target: Taxonomy) -> Mapping[str, tuple[str, ...]]:
    """Return, for every class of `source`, the classes of `target` that it may be."""
    if source == target:
        return {name: (name,) for name in source.names}
    names = MAPPINGS.get((source.name, target.name))
    if names is None:
        raise OpenSetError(
            f"{source.name} has no known mapping to the classes of {target.name}: take its scenes "
            "`without_classes`, or train on data sets of one taxonomy"
        )
    return {name: names.get(name, (name,)) for name in source.names}
