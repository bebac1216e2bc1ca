"""Cityscapes in its published layout."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ldn_openset_ros.data.cityscapes import LABEL_IDS, Cityscapes
from ldn_openset_ros.data.pictures import write_picture
from ldn_openset_ros.errors import OpenSetError

NAMES = ("aachen_000000_000019", "ulm_000007_000019")


@pytest.fixture
def root(tmp_path, write):
    """One frame with train ids, one that has label ids alone."""
    for name in NAMES:
        city = name.partition("_")[0]
        write(
            tmp_path / "leftImg8bit" / "val" / city / f"{name}_leftImg8bit.png",
            np.full((2, 4, 3), (10, 20, 30)),
        )
    write(gt(tmp_path, NAMES[0], "labelTrainIds"), [[0, 1, 18, 255], [13, 13, 10, 8]])
    write(gt(tmp_path, NAMES[1], "labelIds"), [[7, 8, 33, 0], [26, 26, 23, 29]])
    return tmp_path


def gt(root, name, kind):
    city = name.partition("_")[0]
    return root / "gtFine" / "val" / city / f"{name}_gtFine_{kind}.png"


def test_train_ids_are_read_as_they_are(root):
    frame = Cityscapes(root, "val")[0]
    assert frame.name == NAMES[0]
    assert frame.rgb[0, 0].tolist() == [10, 20, 30]
    assert frame.labels.tolist() == [[0, 1, 18, 255], [13, 13, 10, 8]]
    assert frame.outlier is None


def test_label_ids_become_train_ids(root):
    # Road, sidewalk, bicycle, unlabelled; car, car, sky, caravan (not evaluated).
    frames = Cityscapes(root, "val")
    assert frames[1].labels.tolist() == [[0, 1, 18, 255], [13, 13, 10, 255]]
    assert frames[1].labels.dtype == np.uint8
    assert frames.taxonomy.names[18] == "bicycle"


def test_nineteen_of_34_label_ids_are_evaluated():
    assert sorted(LABEL_IDS) == list(range(34))
    assert sorted(v for v in LABEL_IDS.values() if v != 255) == list(range(19))


def test_camera_is_read_where_it_is_there(root):
    path = root / "camera" / "val" / "ulm" / f"{NAMES[1]}_camera.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"intrinsic": {"fx": 2262.5, "fy": 2265.3, "u0": 1.5, "v0": 0.5}}))
    frames = Cityscapes(root, "val")
    assert frames[0].camera is None
    assert (frames[1].camera.fx, frames[1].camera.cx, frames[1].camera.width) == (2262.5, 1.5, 4)


@pytest.mark.parametrize(
    ("name", "kind", "value"), [(NAMES[0], "labelTrainIds", 19), (NAMES[1], "labelIds", 34)]
)
def test_a_foreign_value_names_the_file(root, write, name, kind, value):
    write(gt(root, name, kind), np.full((2, 4), value))
    with pytest.raises(OpenSetError, match=rf"{name}_gtFine_{kind}\.png holds the value {value}"):
        Cityscapes(root, "val")[NAMES.index(name)]


def test_missing_parts_say_where_to_get_them(root):
    with pytest.raises(OpenSetError, match=r"no Cityscapes at .*/leftImg8bit/train: unpack .*com"):
        Cityscapes(root, "train")
    with pytest.raises(OpenSetError, match="no split 'test': choose train, val"):
        Cityscapes(root, "test")
    gt(root, NAMES[1], "labelIds").unlink()
    with pytest.raises(OpenSetError, match=f"{NAMES[1]}_leftImg8bit.png has no truth"):
        Cityscapes(root, "val")


def test_instances_are_read_where_they_are_there(root, write):
    """Cars 0 and 7, a group of cars, a person; road, sky and unlabelled have no instances."""
    stored = np.array([[26000, 26007, 26, 24003], [7, 23, 0, 33012]], np.uint16)
    write_picture(gt(root, NAMES[1], "instanceIds"), stored)
    frames = Cityscapes(root, "val")
    assert frames[0].instances is None
    assert frames[1].instances.dtype == np.int32
    assert frames[1].instances.tolist() == [[26000, 26007, 0, 24003], [0, 0, 0, 33012]]


@pytest.mark.parametrize(("value", "label"), [(34000, 34), (34, 34), (999, 999)])
def test_instances_of_an_unknown_label_are_refused(root, value, label):
    write_picture(gt(root, NAMES[0], "instanceIds"), np.full((2, 4), value, np.uint16))
    with pytest.raises(OpenSetError, match=rf"instanceIds\.png holds instances .* id {label},"):
        Cityscapes(root, "val")[0]


def test_instances_of_another_size_or_depth_are_refused(root):
    path = gt(root, NAMES[0], "instanceIds")
    write_picture(path, np.zeros((4, 2), np.uint16))
    with pytest.raises(OpenSetError, match=r"instanceIds\.png is 2x4, its picture 4x2"):
        Cityscapes(root, "val")[0]
    write_picture(path, np.zeros((2, 4), np.uint8))
    with pytest.raises(OpenSetError, match=r"instanceIds\.png is not a 16-bit single-channel map"):
        Cityscapes(root, "val")[0]
