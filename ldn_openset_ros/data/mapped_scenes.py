"""Road scenes of one taxonomy in the classes of another, or without any class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ldn_openset_ros.data.pasting import inlier_truth
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy
from ldn_openset_ros.taxonomy_mapping import refining_table


class MappedScenes(Sequence[Sample]):
    """Road scenes with labels in `target`'s classes, and outlier truth.

    What has no single class in `target` gets the label 255 and stays an inlier. scenes: with
    class labels. Raises OpenSetError where no mapping to `target` is known.
    """

    def __init__(self, scenes: Sequence[Sample], source: Taxonomy, target: Taxonomy) -> None:
        self.taxonomy = target
        self._scenes = scenes
        self._table = refining_table(source, target)

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
