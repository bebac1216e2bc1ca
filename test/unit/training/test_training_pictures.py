from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.negatives import Negative, NegativePictures, central_box
from ldn_openset_ros.data.transforms import JitterSettings
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.training.pictures import TrainingPictures, whole_negative
from ldn_openset_ros.training.settings import DataSettings, NegativeSettings, TrainingSettings

SETTINGS = TrainingSettings(
    "small",
    network=NetworkSettings("efficientnet_lite0", num_classes=11),
    jitter=JitterSettings(48, 60, 40),
    crop=(32, 64),
    batch_size=2,
    steps=50,
    seed=3,
)


def pictures(data, settings=SETTINGS, rendered=()) -> TrainingPictures:
    inliers = CamVid(data / "camvid", "train")
    negatives = NegativePictures(
        data / "imagenet_samples" / "train", settings.negatives.box_extent
    )
    return TrainingPictures(settings, inliers, negatives, rendered)


def test_items_have_the_crops_size_and_types(small_data):
    rgb, labels, outlier = pictures(small_data)[0]
    assert tuple(rgb.shape) == (3, 32, 64)
    assert tuple(labels.shape) == tuple(outlier.shape) == (32, 64)
    assert len(pictures(small_data)) == 100


def test_any_item_can_be_made_again(small_data):
    first, second = pictures(small_data), pictures(small_data)
    expected = first.sample(17)
    for index in (3, 99, 17):
        again = second.sample(index)
    assert np.array_equal(again.rgb, expected.rgb)
    assert np.array_equal(again.outlier, expected.outlier)


def test_outlier_pixels_never_carry_a_class(small_data):
    stream = pictures(small_data)
    for index in range(20):
        sample = stream.sample(index)
        assert (sample.labels[sample.outlier == 1] == 255).all()
        assert (sample.labels[sample.outlier == 255] == 255).all()
        assert set(np.unique(sample.labels)) <= {0, 3, 255}


def test_every_negative_is_used_once_in_a_negative_epoch(small_data):
    stream = pictures(small_data)
    names = [stream._negative(index).name for index in range(10)]
    assert sorted(names[:5]) == sorted(names[5:]) == ["n0", "n1", "n2", "n3", "n4"]
    assert names[:5] != names[5:]


@pytest.mark.parametrize(("probability", "mixed"), [(0.0, 0), (1.0, 40)])
def test_mixed_probability_decides_between_pastes_and_whole_negatives(
    small_data, probability, mixed
):
    settings = replace(SETTINGS, negatives=NegativeSettings(mixed_probability=probability))
    stream = pictures(small_data, settings)
    counted = sum(bool((stream.sample(i).outlier == 0).any()) for i in range(40))
    assert counted == mixed


def test_rendered_scenes_join_the_inliers(small_data):
    settings = replace(
        SETTINGS,
        negatives=NegativeSettings(mixed_probability=1.0),
        data=DataSettings(rendered_scenes=1, rendered_probability=1.0),
    )
    scene = CamVid(small_data / "camvid", "train")[0]
    marked = replace(scene, labels=np.full_like(scene.labels, 5))
    stream = pictures(small_data, settings, [marked])
    labels = np.concatenate([stream.sample(i).labels.ravel() for i in range(5)])
    assert set(np.unique(labels)) == {5, 255}


def test_a_whole_negative_is_outlier_in_its_box_and_ignored_around_it():
    rgb = np.zeros((40, 80, 3), np.uint8)
    sample = whole_negative(Negative("n", rgb, central_box(40, 80, 0.5)))
    inside = np.zeros((40, 80), bool)
    inside[10:30, 20:60] = True
    assert (sample.outlier[inside] == 1).all()
    assert (sample.outlier[~inside] == 255).all()
    assert (sample.labels == 255).all()
