"""Scenes of one taxonomy in the classes of another."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.mapped_scenes import (
    MappedScenes,
    ScenesWithoutClasses,
)
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import load_taxonomy

CAMVID, CITYSCAPES = load_taxonomy("camvid"), load_taxonomy("cityscapes")


def scene(labels, outlier=None) -> Sample:
    labels = np.array([labels], np.uint8)
    rgb = np.zeros((*labels.shape, 3), np.uint8)
    outlier = None if outlier is None else np.array([outlier], np.uint8)
    instances = np.ones(labels.shape, np.int32)
    return Sample("s", rgb, labels, outlier, instances=instances)


def test_what_has_no_class_stays_an_inlier_and_void_is_ignored():
    mapped = MappedScenes([scene([3, 4, 6, 8, 255])], CAMVID, CITYSCAPES)
    assert mapped.taxonomy == CITYSCAPES
    (found,) = mapped
    assert found.labels.tolist() == [[0, 1, 255, 255, 255]]
    assert found.outlier.tolist() == [[0, 0, 0, 0, 255]]
    assert found.instances is None


def test_outlier_truth_is_kept():
    (found,) = MappedScenes([scene([3, 255, 8], [0, 1, 0])], CAMVID, CITYSCAPES)
    assert found.outlier.tolist() == [[0, 1, 0]]


def test_taxonomies_without_a_known_mapping_are_refused():
    hazards = load_taxonomy("street_hazards")
    with pytest.raises(OpenSetError, match="street_hazards has no known mapping to the classes"):
        MappedScenes([], hazards, CITYSCAPES)


def test_scenes_without_classes_keep_what_they_know_of_outliers():
    plain = Sample("p", np.zeros((1, 2, 3), np.uint8))
    truth = Sample("t", np.zeros((1, 2, 3), np.uint8), outlier=np.array([[0, 255]], np.uint8))
    found = list(ScenesWithoutClasses([plain, truth, scene([3, 255])]))
    assert [sample.labels.tolist() for sample in found] == [[[255, 255]]] * 3
    assert [sample.outlier.tolist() for sample in found] == [[[0, 0]], [[0, 255]], [[0, 255]]]
