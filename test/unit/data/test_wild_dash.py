"""WildDash 1 and 2 in their published layouts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ldn_openset_ros.data.wild_dash import WildDash1, WildDash2, train_id_of
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import load_taxonomy


@pytest.fixture
def first(tmp_path, write):
    """The folder above wd_val_01."""
    folder = tmp_path / "wd_val_01"
    write(folder / "ar0001_100000.png", np.full((1, 4, 3), 50))
    write(folder / "ar0001_100000_labelIds.png", [[7, 11, 33, 1]])
    return tmp_path


@pytest.fixture
def second(tmp_path, write):
    """One frame in the panoptic format: road, two cars, a part without label."""
    write(tmp_path / "images" / "at0000_100000.jpg", np.full((1, 4, 3), 50))
    colours = [[(1, 0, 0), (0, 1, 0), (2, 0, 1), (0, 0, 0)]]
    write(tmp_path / "panoptic" / "at0000_100000.png", colours)
    write_json(tmp_path, [(1, 7), (256, 35), (65538, 26)])
    return tmp_path


def write_json(root, segments):
    content = {
        "images": [{"id": "x", "file_name": "at0000_100000.jpg"}],
        "annotations": [
            {
                "image_id": "x",
                "file_name": "at0000_100000.png",
                "segments_info": [{"id": i, "category_id": c} for i, c in segments],
            }
        ],
        "categories": [
            {"id": 7, "name": "road"},
            {"id": 26, "name": "car"},
            {"id": 35, "name": "van"},
        ],
    }
    (root / "panoptic.json").write_text(json.dumps(content))


def test_the_first_has_label_ids_beside_the_pictures(first):
    for root in (first, first / "wd_val_01"):
        frames = WildDash1(root)
        assert len(frames) == 1
        assert frames[0].name == "ar0001_100000"
        assert frames[0].labels.tolist() == [[0, 2, 18, 255]]
        assert frames.taxonomy.num_classes == 19


def test_the_first_refuses_other_ids_and_missing_files(first, write):
    folder = first / "wd_val_01"
    path = write(folder / "ar0001_100000_labelIds.png", [[7, 11, 33, 34]])
    with pytest.raises(OpenSetError, match=f"{path} holds the value 34"):
        WildDash1(first)[0]
    (folder / "ar0001_100000.png").unlink()
    with pytest.raises(OpenSetError, match=r"has no picture ar0001_100000\.png"):
        WildDash1(first)
    with pytest.raises(OpenSetError, match=r"no WildDash 1 at .*wd_val_01\.zip .*wilddash\.cc"):
        WildDash1(first / "elsewhere")


def test_the_second_reads_segments(second):
    frames = WildDash2(second)
    assert len(frames) == 1
    assert frames[0].name == "at0000_100000"
    assert frames[0].labels.tolist() == [[0, 13, 13, 255]]
    assert frames[0].labels.dtype == np.uint8


def test_the_second_reads_label_maps_where_they_are(second, write):
    # Road, pickup, road marking, the last id (curb cut).
    path = write(second / "labels" / "at0000_100000.png", [[7, 34, 38, 80]])
    assert WildDash2(second)[0].labels.tolist() == [[0, 14, 0, 1]]
    write(path, [[7, 34, 38, 81]])
    with pytest.raises(OpenSetError, match=f"{path} holds the value 81"):
        WildDash2(second)[0]


def test_a_segment_that_is_not_listed_names_the_file(second):
    write_json(second, [(1, 7), (256, 35)])
    with pytest.raises(OpenSetError, match=r"at0000_100000\.png holds the segment 65538"):
        WildDash2(second)[0]


def test_a_category_that_is_not_listed_names_the_file(second):
    write_json(second, [(1, 99)])
    with pytest.raises(OpenSetError, match=r"panoptic\.json is no COCO panoptic file"):
        WildDash2(second)


def test_missing_parts_are_named(second, tmp_path):
    (second / "panoptic.json").unlink()
    with pytest.raises(OpenSetError, match=r"no labels of WildDash 2 at .*panoptic\.json"):
        WildDash2(second)
    with pytest.raises(OpenSetError, match=r"no WildDash 2 at .*/none/images: .*wilddash\.cc"):
        WildDash2(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("traffic light", 6),
        ("trafficlight", 6),
        ("street-light", 255),
        ("on rails", 16),
        ("car(vehicle)", 13),
        ("autorickshaw", 17),
        ("static", 255),
    ],
)
def test_names_become_train_ids(name, expected):
    assert train_id_of(name, load_taxonomy("cityscapes")) == expected
