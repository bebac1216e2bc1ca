from __future__ import annotations

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import OUTLIER_COLOUR, Taxonomy, load_taxonomy


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


def test_palette_paints_classes_outliers_and_void():
    palette = load_taxonomy("camvid").palette()
    assert palette.shape == (256, 3)
    assert tuple(palette[3]) == (128, 64, 128)
    assert tuple(palette[11]) == OUTLIER_COLOUR
    assert tuple(palette[255]) == (0, 0, 0)


def test_survives_the_way_through_plain_values():
    taxonomy = load_taxonomy("camvid")
    assert Taxonomy.from_dict(taxonomy.to_dict()) == taxonomy


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "needs `name` and `classes`"),
        ({"name": "x", "classes": [{"name": "a", "colour": [1, 2, 3]}]}, "has 1 classes"),
        ({"name": "x", "classes": [{"name": "a", "colour": [1, 2]}] * 2}, "three numbers"),
        ({"name": "x", "classes": [{"name": "a", "colour": [0, 0, 256]}] * 2}, "0 to 255"),
    ],
)
def test_malformed_taxonomies_are_refused(values, reason):
    with pytest.raises(OpenSetError, match=reason):
        Taxonomy.from_dict(values)


def test_unknown_name_lists_the_shipped_taxonomies():
    with pytest.raises(OpenSetError, match="camvid, cityscapes"):
        load_taxonomy("mars")
