"""Open the data that a run's settings name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ldn_openset_ros.data.mapped_scenes import MappedScenes, ScenesWithoutClasses
from ldn_openset_ros.data.negative_kinds import open_negatives
from ldn_openset_ros.data.negatives import Negative
from ldn_openset_ros.data.registry import open_dataset
from ldn_openset_ros.data.rendered_scenes import RenderedScenes
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import Taxonomy, load_taxonomy
from ldn_openset_ros.training.settings import NegativeSource, RoadSource, TrainingSettings

RENDERED_SIZE = (480, 360)
"""Width and height of rendered training scenes: CamVid's."""


class Sources(NamedTuple):
    """All that training pictures and validation scenes are made of."""

    roads: Sequence[Sample]
    rendered: Sequence[Sample]
    negatives: Sequence[Negative]
    validation: Sequence[Sample]
    taxonomy: Taxonomy


class Joined(Sequence):
    """Several sequences, one after the other.

    weights: how many items each part counts for when items are drawn, None = as many as it has.
    """

    def __init__(
        self, parts: Sequence[Sequence], weights: Sequence[float | None] | None = None
    ) -> None:
        self._parts = parts
        self._weights = weights

    @property
    def probabilities(self) -> np.ndarray | None:
        """Of every item to be drawn, float64 (len,); None where all are equal."""
        if self._weights is None or not any(self._weights):
            return None
        each = np.concatenate(
            [
                np.full(len(part), 1.0 if weight is None else weight / len(part))
                for part, weight in zip(self._parts, self._weights, strict=True)
            ]
        )
        return each / each.sum()

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __getitem__(self, index: int):
        for part in self._parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError("no such scene")


def open_sources(settings: TrainingSettings, data: Path) -> Sources:
    """Open the data sets below `data` and render the scenes that the settings ask for.

    Raises OpenSetError where a data set is missing or its classes cannot be mapped.
    """
    first, *others = settings.data.roads
    roads = [open_roads(first, data)]
    taxonomy = roads[0].taxonomy
    roads += [open_roads(source, data, taxonomy) for source in others]
    if taxonomy.num_classes != settings.network.num_classes:
        raise OpenSetError(
            f"network.num_classes is {settings.network.num_classes}, but {taxonomy.name} has "
            f"{taxonomy.num_classes} classes: set it to that"
        )
    return Sources(
        Joined(roads, [source.weight for source in settings.data.roads]) if others else roads[0],
        render(settings, taxonomy),
        open_all_negatives(settings, data),
        open_roads(settings.data.validation, data, taxonomy),
        taxonomy,
    )


def open_roads(
    source: RoadSource, data: Path, taxonomy: Taxonomy | None = None
) -> Sequence[Sample]:
    """Open a split of a road data set, with classes of `taxonomy`, None = its own.

    One without class labels is an OpenSetError unless the source asks for none.
    """
    scenes = open_dataset(source.dataset, data / source.folder, source.split)
    if source.without_classes:
        return ScenesWithoutClasses(scenes)
    if not hasattr(scenes, "taxonomy"):
        raise OpenSetError(
            f"{source.dataset} has no class labels to train on: choose a road data set, or set "
            "`without_classes: true` to take its scenes as inliers alone"
        )
    if taxonomy is None or scenes.taxonomy == taxonomy:
        return scenes
    return MappedScenes(scenes, scenes.taxonomy, taxonomy)


def open_all_negatives(settings: TrainingSettings, data: Path) -> Sequence[Negative]:
    """Open the negatives of all sources that the settings name."""
    sources = settings.data.negatives
    sources = (sources,) if isinstance(sources, NegativeSource) else sources
    opened = [
        open_negatives(
            source.kind, data / source.folder, settings.negatives.box_extent, source.split
        )
        for source in sources
    ]
    return opened[0] if len(opened) == 1 else Joined(opened)


def render(settings: TrainingSettings, taxonomy: Taxonomy) -> list[Sample]:
    """Render the training scenes, once: drawing one takes longer than a step."""
    count = settings.data.rendered_scenes
    scenes = RenderedScenes(count, settings.seed, *RENDERED_SIZE)
    own = load_taxonomy("camvid")
    if count and taxonomy != own:
        scenes = MappedScenes(scenes, own, taxonomy)
    return [scenes[i] for i in tqdm(range(count), desc="rendering", disable=not count)]
