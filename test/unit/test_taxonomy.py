from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import OUTLIER_COLOUR, SemanticClass, Taxonomy, load_taxonomy


def test_camvid_has_its_eleven_classes_in_order():
    taxonomy = load_taxonomy("camvid")
    assert taxonomy.num_classes == taxonomy.outlier_id == 11
    assert taxonomy.names[0] == "sky"
    assert taxonomy.names[3] == "road"
    assert taxonomy.names[10] == "bicyclist"


def test_cityscapes_has_its_published_colours():
    taxonomy = load_taxonomy("cityscapes")
    assert taxonomy.num_classes == 19
    assert taxonomy.classes[13].name == "car"
    assert taxonomy.classes[13].colour == (0, 0, 142)


def test_cityscapes_has_its_published_categories():
    taxonomy = load_taxonomy("cityscapes")
    assert taxonomy.categories == (
        "flat",
        "construction",
        "object",
        "nature",
        "sky",
        "human",
        "vehicle",
    )
    assert taxonomy.category_ids == (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6)


def test_cityscapes_has_its_published_instance_sizes():
    sizes = load_taxonomy("cityscapes").instance_sizes
    assert sizes[:11] == (None,) * 11
    assert sizes[11] == 3462.4756337644
    assert sizes[16] == 67583.7075812274


def test_camvid_has_neither():
    taxonomy = load_taxonomy("camvid")
    assert taxonomy.categories == ()
    assert taxonomy.category_ids == taxonomy.instance_sizes == (None,) * 11


def test_categories_are_numbered_by_their_first_class():
    names = ("b", None, "a", "b")
    classes = tuple(SemanticClass(str(n), (0, 0, n), name) for n, name in enumerate(names))
    taxonomy = Taxonomy("t", classes)
    assert taxonomy.categories == ("b", "a")
    assert taxonomy.category_ids == (0, None, 1, 0)


def test_palette_paints_classes_outliers_and_void():
    palette = load_taxonomy("camvid").palette()
    assert palette.shape == (256, 3)
    assert tuple(palette[3]) == (128, 64, 128)
    assert tuple(palette[11]) == OUTLIER_COLOUR
    assert tuple(palette[255]) == (0, 0, 0)


@pytest.mark.parametrize("name", ["camvid", "cityscapes"])
def test_survives_the_way_through_plain_values(name):
    taxonomy = load_taxonomy(name)
    read = Taxonomy.from_dict(yaml.safe_load(yaml.safe_dump(taxonomy.to_dict())))
    assert read == taxonomy
    assert read.category_ids == taxonomy.category_ids
    assert read.instance_sizes == taxonomy.instance_sizes


def test_what_a_class_does_not_have_is_not_written():
    assert load_taxonomy("camvid").to_dict()["classes"][0].keys() == {"name", "colour"}


def test_models_of_before_categories_have_the_same_classes():
    """Their files name no categories: they must still fit data sets whose taxonomy does."""
    taxonomy = load_taxonomy("cityscapes")
    bare = replace(
        taxonomy, classes=tuple(SemanticClass(c.name, c.colour) for c in taxonomy.classes)
    )
    assert bare == taxonomy
    assert Taxonomy.from_dict(bare.to_dict()).categories == ()


SIZED = {"name": "a", "colour": [0, 0, 1]}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "needs `name` and `classes`"),
        ({"name": "x", "classes": [{"name": "a", "colour": [1, 2, 3]}]}, "has 1 classes"),
        ({"name": "x", "classes": [{"name": "a", "colour": [1, 2]}] * 2}, "three numbers"),
        ({"name": "x", "classes": [{"name": "a", "colour": [0, 0, 256]}] * 2}, "0 to 255"),
        ({"name": "x", "classes": ["a", "b"]}, "needs `name` and `classes`"),
        (
            {"name": "x", "classes": [SIZED | {"instance_size": 0}] * 2},
            "is 0.0: give pixels above",
        ),
        ({"name": "x", "classes": [SIZED | {"instance_size": "big"}] * 2}, "needs `name`"),
    ],
)
def test_malformed_taxonomies_are_refused(values, reason):
    with pytest.raises(OpenSetError, match=reason):
        Taxonomy.from_dict(values)


def test_unknown_name_lists_the_shipped_taxonomies():
    with pytest.raises(OpenSetError, match="camvid, cityscapes"):
        load_taxonomy("mars")
