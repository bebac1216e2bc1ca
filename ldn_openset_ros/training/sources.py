"""Open the data that a run's settings name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ldn_openset_ros.data.negative_kinds import open_negatives
from ldn_openset_ros.data.negatives import Negative
from ldn_openset_ros.data.registry import open_dataset
from ldn_openset_ros.data.rendered_scenes import RenderedScenes
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import Taxonomy
from ldn_openset_ros.training.settings import RoadSource, TrainingSettings

RENDERED_SIZE = (480, 360)
"""Width and height of rendered training scenes: CamVid's."""


class Sources(NamedTuple):
    """All that training pictures and validation scenes are made of."""

    roads: Sequence[Sample]
    rendered: Sequence[Sample]
    negatives: Sequence[Negative]
    validation: Sequence[Sample]
    taxonomy: Taxonomy


class JoinedScenes(Sequence[Sample]):
    """Several data sets of one taxonomy, one after the other."""

    def __init__(self, parts: Sequence[Sequence[Sample]]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def __getitem__(self, index: int) -> Sample:
        for part in self._parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError("no such scene")


def open_sources(settings: TrainingSettings, data: Path) -> Sources:
    """Open the data sets below `data` and render the scenes that the settings ask for.

    Raises OpenSetError where a data set is missing or the taxonomies differ.
    """
    roads = [open_roads(source, data) for source in settings.data.roads]
    validation = open_roads(settings.data.validation, data)
    taxonomy = roads[0].taxonomy
    for part, source in zip(
        (*roads[1:], validation),
        (*settings.data.roads[1:], settings.data.validation),
        strict=True,
    ):
        if part.taxonomy != taxonomy:
            raise OpenSetError(
                f"{source.dataset} has the classes of {part.taxonomy.name}, "
                f"{settings.data.roads[0].dataset} those of {taxonomy.name}: train on data sets "
                "of one taxonomy"
            )
    if taxonomy.num_classes != settings.network.num_classes:
        raise OpenSetError(
            f"network.num_classes is {settings.network.num_classes}, but {taxonomy.name} has "
            f"{taxonomy.num_classes} classes: set it to that"
        )
    source = settings.data.negatives
    negatives = open_negatives(source.kind, data / source.folder, settings.negatives.box_extent)
    return Sources(
        roads[0] if len(roads) == 1 else JoinedScenes(roads),
        render(settings, taxonomy),
        negatives,
        validation,
        taxonomy,
    )


def open_roads(source: RoadSource, data: Path) -> Sequence[Sample]:
    """Open a split of a road data set; one without class labels is an OpenSetError."""
    scenes = open_dataset(source.dataset, data / source.folder, source.split)
    if not hasattr(scenes, "taxonomy"):
        raise OpenSetError(
            f"{source.dataset} has no class labels to train on: choose a road data set"
        )
    return scenes


def render(settings: TrainingSettings, taxonomy: Taxonomy) -> list[Sample]:
    """Render the training scenes, once: drawing one takes longer than a step."""
    count = settings.data.rendered_scenes
    if count and taxonomy.name != "camvid":
        raise OpenSetError(
            f"rendered scenes have the camvid classes, not those of {taxonomy.name}: set "
            "data.rendered_scenes to 0"
        )
    scenes = RenderedScenes(count, settings.seed, *RENDERED_SIZE)
    return [scenes[i] for i in tqdm(range(count), desc="rendering", disable=not count)]
