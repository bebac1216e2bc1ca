"""Pascal VOC's objects in the published layout."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.pascal_voc import ANIMALS, CLASSES, PascalVoc
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture
def root(tmp_path, write, write_palette):
    """One picture with a person, a large dog and a small sheep, one picture with a car."""
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    classes, objects = np.zeros((6, 10)), np.zeros((6, 10))
    for value, class_id, rows, columns in (
        (1, 15, slice(0, 2), slice(0, 2)),
        (2, 12, slice(2, 5), slice(3, 7)),
        (3, 17, slice(5, 6), slice(8, 10)),
    ):
        classes[rows, columns], objects[rows, columns] = class_id, value
    classes[2, 3] = objects[2, 3] = 255
    picture = np.arange(180).reshape(6, 10, 3)
    write(folder / "JPEGImages" / "2007_000001.png", picture).rename(
        folder / "JPEGImages" / "2007_000001.jpg"
    )
    write_palette(folder / "SegmentationClass" / "2007_000001.png", classes)
    write_palette(folder / "SegmentationObject" / "2007_000001.png", objects)
    write(folder / "JPEGImages" / "2007_000002.jpg", np.zeros((2, 2, 3)))
    write_palette(folder / "SegmentationClass" / "2007_000002.png", np.full((2, 2), 7))
    write_palette(folder / "SegmentationObject" / "2007_000002.png", np.ones((2, 2)))
    names = folder / "ImageSets" / "Segmentation" / "trainval.txt"
    names.parent.mkdir(parents=True)
    names.write_text("2007_000001\n2007_000002\n")
    return tmp_path


def test_classes_are_those_of_the_publication():
    assert len(CLASSES) == 21
    assert [CLASSES.index(name) for name in ANIMALS] == [3, 8, 10, 12, 13, 17]


def test_every_animal_is_an_item_cut_to_its_mask(root):
    animals = PascalVoc(root)
    assert [animal.name for animal in animals] == ["2007_000001_2", "2007_000001_3"]
    dog = animals[0]
    assert dog.mask.astype(int).tolist() == [[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    picture = np.arange(180).reshape(6, 10, 3)
    assert dog.rgb.tolist() == picture[2:5, 3:7].tolist()


def test_small_objects_are_left_out(root):
    assert [a.name for a in PascalVoc(root, minimum_area=11)] == ["2007_000001_2"]
    with pytest.raises(OpenSetError, match="no object of at least 12 pixels"):
        PascalVoc(root, minimum_area=12)


def test_other_classes_can_be_asked_for(root):
    folder = root / "VOCdevkit" / "VOC2012"
    cars_and_people = PascalVoc(folder, classes=("car", "person"))
    assert [o.name for o in cars_and_people] == ["2007_000001_1", "2007_000002_1"]
    with pytest.raises(OpenSetError, match="no class 'zebra': choose aeroplane"):
        PascalVoc(root, classes=("zebra",))


def test_a_foreign_class_names_the_file(root, write_palette):
    path = root / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "2007_000002.png"
    write_palette(path, np.full((2, 2), 21))
    with pytest.raises(OpenSetError, match=f"{path} holds the value 21"):
        PascalVoc(root)


def test_missing_parts_say_where_to_get_them(root):
    with pytest.raises(OpenSetError, match=r"no Pascal VOC at .*VOCtrainval_11-May-2012"):
        PascalVoc(root / "none")
    with pytest.raises(OpenSetError, match=r"cannot read .*/test\.txt"):
        PascalVoc(root, "test")
