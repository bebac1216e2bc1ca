from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import Taxonomy, load_taxonomy
from ldn_openset_ros.taxonomy_mapping import (
    REFINEMENTS,
    ClassComparison,
    compare_classes,
    folding_table,
    refining_table,
)

CAMVID, CITYSCAPES = load_taxonomy("camvid"), load_taxonomy("cityscapes")


def named(table, source, target) -> dict[str, str | None]:
    return {
        name: None if table[i] == 255 else target.names[table[i]]
        for i, name in enumerate(source.names)
    }


def test_camvids_classes_in_cityscapes_are_none_where_they_may_be_several():
    table = refining_table(CAMVID, CITYSCAPES)
    assert named(table, CAMVID, CITYSCAPES) == {
        "sky": "sky",
        "building": "building",
        "pole": "pole",
        "road": "road",
        "pavement": "sidewalk",
        "tree": "vegetation",
        "sign": None,
        "fence": "fence",
        "car": None,
        "pedestrian": "person",
        "bicyclist": None,
    }
    assert (table[CAMVID.num_classes :] == 255).all()


def test_cityscapes_classes_are_folded_into_camvids():
    table = folding_table(CITYSCAPES, CAMVID)
    found = named(table, CITYSCAPES, CAMVID)
    assert None not in found.values()
    assert {found[name] for name in ("car", "truck", "bus", "train")} == {"car"}
    assert {found[name] for name in ("rider", "bicycle", "motorcycle")} == {"bicyclist"}
    assert (found["wall"], found["terrain"], found["traffic light"]) == (
        "building",
        "tree",
        "sign",
    )
    assert table[19] == 11, "outliers stay outliers"
    assert (table[20:] == 255).all()


@pytest.mark.parametrize("names", REFINEMENTS)
def test_a_known_refinement_has_every_class_once(names):
    coarse, fine = (load_taxonomy(name) for name in names)
    refinement = REFINEMENTS[names]
    assert set(refinement.groups) == set(coarse.names)
    assert refinement.ambiguous <= set(coarse.names)
    parts = [part for group in refinement.groups.values() for part in group]
    assert sorted(parts) == sorted(fine.names)


def test_folding_undoes_refining():
    there, back = refining_table(CAMVID, CITYSCAPES), folding_table(CITYSCAPES, CAMVID)
    known = np.flatnonzero(there[:11] != 255)
    assert len(known) == 8
    assert np.array_equal(back[there[known]], known)


def test_one_taxonomy_is_itself():
    assert refining_table(CAMVID, CAMVID)[:12].tolist() == [*range(11), 255]
    assert folding_table(CAMVID, CAMVID)[:13].tolist() == [*range(12), 255]


def test_other_classes_under_a_known_name_are_refused():
    short = Taxonomy("cityscapes", CITYSCAPES.classes[:18])
    with pytest.raises(OpenSetError, match="camvid has no known mapping"):
        refining_table(CAMVID, short)


def test_taxonomies_without_a_known_mapping_are_refused():
    hazards = load_taxonomy("street_hazards")
    for table in (refining_table, folding_table):
        with pytest.raises(OpenSetError, match="has no known mapping to the classes of"):
            table(hazards, CITYSCAPES)


def test_classes_are_compared_as_they_are_or_folded_or_not_at_all():
    for truth in (CAMVID, None):
        assert compare_classes(CAMVID, truth) == ClassComparison(CAMVID)
    assert compare_classes(None, CAMVID) == ClassComparison(None)
    folded = compare_classes(CITYSCAPES, CAMVID)
    assert folded.taxonomy == CAMVID
    assert folded.fold(np.array([[0, 14, 19]], np.uint8)).tolist() == [[3, 8, 11]]
    assert (folded.mismatch, folded.note) == (
        "",
        "classes of cityscapes folded into those of camvid",
    )
    coarser = compare_classes(CAMVID, CITYSCAPES)
    assert coarser.taxonomy is None
    assert "id 0 of 19 is road in cityscapes, 0 of 11 is sky in camvid" in coarser.mismatch
