from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.taxonomy import load_taxonomy
from ldn_openset_ros.training.settings import (
    DataSettings,
    NegativeSettings,
    NegativeSource,
    RoadSource,
    TrainingSettings,
)
from ldn_openset_ros.training.sources import Joined, open_roads, open_sources, render

CAMVID = RoadSource("camvid", "camvid", "train")
CAMVID_VAL = RoadSource("camvid", "camvid", "val")
HAZARDS = RoadSource("street_hazards", "hazards", "train")
SETTINGS = TrainingSettings(
    "small",
    network=NetworkSettings("efficientnet_lite0", num_classes=11),
    data=DataSettings((CAMVID,), CAMVID_VAL, NegativeSource("pictures", "imagenet_samples/train")),
)


def write(path, picture) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def with_data(**changes) -> TrainingSettings:
    return replace(SETTINGS, data=replace(SETTINGS.data, **changes))


@pytest.fixture(scope="module")
def data(small_data):
    """The small data and, beside them, a data set of another taxonomy and one without labels."""
    part = "training/t1/1.png"
    hazards = small_data / "hazards" / "train"
    write(hazards / "images" / part, np.full((8, 8, 3), 70, np.uint8))
    write(hazards / "annotations" / part, np.full((8, 8), 8, np.uint8))
    write(small_data / "plain" / "images" / "a.png", np.full((8, 8, 3), 70, np.uint8))
    return small_data


def test_the_data_that_the_settings_name_are_opened(data):
    sources = open_sources(SETTINGS, data)
    assert [scene.name for scene in sources.roads] == [f"seq_{n:03d}" for n in range(4)]
    assert [scene.name for scene in sources.validation] == ["seq_000", "seq_001"]
    assert [negative.name for negative in sources.negatives] == ["n0", "n1", "n2", "n3", "n4"]
    assert list(sources.rendered) == []
    assert sources.taxonomy == load_taxonomy("camvid")


def test_box_extent_reaches_the_negatives(data):
    settings = replace(SETTINGS, negatives=NegativeSettings(box_extent=0.5))
    box = open_sources(settings, data).negatives[0].box
    assert (box.right - box.left, box.bottom - box.top) == (26, 20)


def test_several_road_data_sets_follow_each_other(data):
    sources = open_sources(with_data(roads=(CAMVID, CAMVID_VAL, CAMVID)), data)
    names = [sources.roads[index].name for index in range(len(sources.roads))]
    first, second = [f"seq_{n:03d}" for n in range(4)], ["seq_000", "seq_001"]
    assert names == first + second + first


def test_joined_scenes_end():
    joined = Joined([["a", "b"], ["c"]])
    assert list(joined) == ["a", "b", "c"]
    with pytest.raises(IndexError):
        joined[3]


@pytest.mark.parametrize("changes", [{"roads": (CAMVID, HAZARDS)}, {"validation": HAZARDS}])
def test_data_sets_of_two_taxonomies_are_refused(data, changes):
    with pytest.raises(OpenSetError) as caught:
        open_sources(with_data(**changes), data)
    assert str(caught.value) == (
        "street_hazards has no known mapping to the classes of camvid: take its scenes "
        "`without_classes`, or data sets of one taxonomy"
    )


def test_classes_of_another_taxonomy_are_mapped_and_roads_without_classes_join(data):
    streets = RoadSource("cityscapes_squashed", "streets", "train", weight=3)
    town = replace(CAMVID, weight=1)
    drives = RoadSource("folder", "plain", without_classes=True)
    settings = with_data(roads=(streets, town, drives), validation=CAMVID_VAL)
    network = replace(SETTINGS.network, num_classes=19)
    for part, picture in (("images", np.zeros((8, 8, 3))), ("labels", np.full((8, 8), 13))):
        write(data / "streets" / "train" / part / "a.png", picture.astype(np.uint8))
    sources = open_sources(replace(settings, network=network), data)
    assert sources.taxonomy == load_taxonomy("cityscapes")
    assert [set(np.unique(scene.labels)) for scene in sources.roads] == [
        {13},
        *[{10, 0, 255}] * 4,  # CamVid's sky and road
        {255},
    ]
    assert sources.roads[5].outlier.tolist() == [[0] * 8] * 8
    assert set(np.unique(sources.validation[0].labels)) == {10, 0, 255}
    # Weights are shared by the scenes of a source; without one it counts for its scenes.
    assert sources.roads.probabilities == pytest.approx(np.array([3, *[1 / 4] * 4, 1]) / 5)


def test_sources_without_weights_are_drawn_evenly(data):
    assert open_sources(with_data(roads=(CAMVID, CAMVID_VAL)), data).roads.probabilities is None


def test_negatives_of_several_sources_follow_each_other(data):
    horses = NegativeSource("masks", "horses")
    negatives = open_sources(
        with_data(negatives=(SETTINGS.data.negatives, horses)), data
    ).negatives
    assert [negative.name for negative in negatives] == ["n0", "n1", "n2", "n3", "n4", "h"]
    assert negatives[5].mask.sum() == 100


def test_the_network_must_have_the_data_sets_classes(data):
    network = replace(SETTINGS.network, num_classes=19)
    with pytest.raises(OpenSetError, match="num_classes is 19, but camvid has 11 classes: set"):
        open_sources(replace(SETTINGS, network=network), data)


def test_a_data_set_without_class_labels_is_refused(data):
    with pytest.raises(OpenSetError, match="folder has no class labels to train on: choose"):
        open_roads(RoadSource("folder", "plain"), data)


def test_missing_data_are_named(data):
    with pytest.raises(OpenSetError, match=r"no CamVid at .*/nowhere/train/images"):
        open_sources(with_data(roads=(RoadSource("camvid", "nowhere", "train"),)), data)
    gone = NegativeSource("pictures", "imagenet_samples/gone")
    with pytest.raises(OpenSetError, match=r"imagenet_samples/gone"):
        open_sources(with_data(negatives=gone), data)


def test_rendered_scenes_are_of_camvids_size_and_repeat_by_the_seed():
    settings = with_data(rendered_scenes=1, rendered_probability=0.5)
    (scene,) = render(settings, load_taxonomy("camvid"))
    assert scene.rgb.shape == (360, 480, 3)
    assert set(np.unique(scene.labels)) <= set(range(11))
    (again,) = render(settings, load_taxonomy("camvid"))
    assert np.array_equal(scene.rgb, again.rgb)


def test_rendered_scenes_join_what_camvid_maps_to():
    settings = with_data(rendered_scenes=1, rendered_probability=0.5)
    with pytest.raises(OpenSetError, match="camvid has no known mapping to the classes of street"):
        render(settings, load_taxonomy("street_hazards"))
    (scene,) = render(settings, load_taxonomy("camvid"))
    (mapped,) = render(settings, load_taxonomy("cityscapes"))
    assert np.array_equal(mapped.labels == 0, scene.labels == 3), "the road"
    assert (mapped.outlier == 0).all()
