"""Mapillary Vistas in both published layouts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ldn_openset_ros.data.vistas import CLASS_OF, Vistas, class_of
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import load_taxonomy

V12 = ["animal--bird", "construction--flat--road", "human--person", "marking--general"]
V20 = ["void--dynamic", "human--person--individual", "marking--discrete--arrow--left"]


def write_config(path, names):
    path.write_text(json.dumps({"labels": [{"name": n, "readable": n} for n in names]}))


@pytest.fixture
def root(tmp_path, write, write_palette):
    """A package of version 2.0, which holds the labels of both versions."""
    split = tmp_path / "validation"
    write(split / "images" / "a.jpg", np.full((2, 2, 3), 100))
    write_palette(split / "v1.2" / "labels" / "a.png", [[0, 1], [2, 3]])
    write_palette(split / "v2.0" / "labels" / "a.png", [[0, 1], [2, 2]])
    write_config(tmp_path / "config_v1.2.json", V12)
    write_config(tmp_path / "config_v2.0.json", V20)
    return tmp_path


def test_labels_of_both_versions_become_train_ids_by_name(root):
    old = Vistas(root, "val")[0]
    assert old.name == "a"
    assert old.rgb.shape == (2, 2, 3)
    assert old.labels.tolist() == [[255, 0], [11, 0]]
    assert Vistas(root, "val", "v2.0")[0].labels.tolist() == [[255, 11], [0, 0]]


def test_reads_the_layout_of_version_1_alone(tmp_path, write, write_palette):
    write(tmp_path / "training" / "images" / "b.jpg", np.zeros((1, 2, 3)))
    write_palette(tmp_path / "training" / "labels" / "b.png", [[3, 2]])
    write_config(tmp_path / "config.json", V12)
    assert Vistas(tmp_path, "train")[0].labels.tolist() == [[0, 11]]
    with pytest.raises(OpenSetError, match=r"no Mapillary Vistas v2\.0 at .*config_v2\.0\.json"):
        Vistas(tmp_path, "train", "v2.0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("object--traffic-light", "traffic light"),
        ("object--traffic-light--general-upright", "traffic light"),
        ("object--traffic-sign--front", "traffic sign"),
        ("object--traffic-sign--back", None),
        ("construction--structure--garage", "building"),
        ("construction--barrier--other-barrier", None),
        ("human--rider--motorcyclist", "rider"),
        ("object--vehicle--on-rails", "train"),
        ("object--vehicle--caravan", None),
        ("object--support--pole-group", None),
        ("void--car-mount", None),
    ],
)
def test_a_class_goes_to_its_counterpart_or_its_parents(name, expected):
    assert class_of(name) == expected


def test_every_class_of_cityscapes_has_a_source():
    assert set(CLASS_OF.values()) == set(load_taxonomy("cityscapes").names)


def test_an_index_that_the_config_does_not_list_names_the_file(root, write_palette):
    path = write_palette(root / "validation" / "v1.2" / "labels" / "a.png", [[0, 1], [2, 4]])
    with pytest.raises(OpenSetError, match=f"{path} holds the value 4"):
        Vistas(root, "val")[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no valid JSON"),
        ("[]", "holds no JSON object"),
        ('{"labels": [{"readable": "Road"}]}', "is no Vistas config file"),
        ('{"labels": [{"name": "cat"}]}', "names no class of Vistas"),
    ],
)
def test_a_damaged_config_is_named(root, text, reason):
    (root / "config_v1.2.json").write_text(text)
    with pytest.raises(OpenSetError, match=rf"config_v1\.2\.json {reason}"):
        Vistas(root, "val")


def test_unknown_split_and_version(root):
    with pytest.raises(OpenSetError, match="no split 'testing': choose train, val"):
        Vistas(root, "testing")
    with pytest.raises(OpenSetError, match=r"no version 'v3': choose v1\.2, v2\.0"):
        Vistas(root, "val", "v3")
    with pytest.raises(OpenSetError, match=r"at .*/training/images: unpack .*mapillary"):
        Vistas(root, "train")
