"""ADE20K's instances in the layout of 2021_17_01."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ldn_openset_ros.data.ade20k import Ade20kInstances
from ldn_openset_ros.data.negatives import Box
from ldn_openset_ros.errors import OpenSetError

NAME = "ADE_train_00000001"
OBJECTS = (
    ("sofa, couch, lounge", 0),
    ("car, auto, automobile", 0),
    ("leg", 1),
    ("café table", 0),
)


def scene(root):
    return root / "images" / "ADE" / "training" / "home" / "living_room"


@pytest.fixture
def root(tmp_path, write):
    folder = scene(tmp_path)
    write(folder / f"{NAME}.jpg", np.full((6, 8, 3), 120))
    objects = []
    for number, (name, level) in enumerate(OBJECTS):
        file = f"{NAME}/instance_{number:03d}_{NAME}.png"
        mask = np.zeros((6, 8))
        mask[1:4, number : number + 3] = 255
        mask[1, number] = 0
        write(folder / file, mask)
        parts = {"part_level": level}
        objects.append({"id": number, "name": name, "parts": parts, "instance_mask": file})
    text = json.dumps({"annotation": {"object": objects}}, ensure_ascii=False)
    (folder / f"{NAME}.json").write_bytes(text.encode("latin-1"))
    return tmp_path


def test_whole_objects_of_unknown_classes_come_with_their_masks(root):
    negatives = Ade20kInstances(root)
    assert [negative.name[:12] for negative in negatives] == ["instance_000", "instance_003"]
    sofa = negatives[0]
    assert sofa.rgb.shape == (6, 8, 3)
    assert sofa.box == Box(0, 1, 3, 4)
    assert sofa.mask.dtype == bool
    assert sofa.mask.astype(int)[1:4, :3].tolist() == [[0, 1, 1], [1, 1, 1], [1, 1, 1]]
    assert sofa.mask.sum() == 8


def test_known_classes_can_be_kept(root):
    assert len(Ade20kInstances(root, exclude=())) == 3
    assert len(Ade20kInstances(root, exclude=("couch", "auto"))) == 1


def test_one_object_without_a_list(root):
    path = scene(root) / f"{NAME}.json"
    entry = json.loads(path.read_text("latin-1"))["annotation"]["object"][0]
    path.write_text(json.dumps({"annotation": {"object": entry}}))
    assert len(Ade20kInstances(root)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no valid JSON"),
        ('{"annotation": {}}', "is no annotation of ADE20K"),
        ('{"annotation": {"object": [{"name": "x"}]}}', "is no annotation of ADE20K"),
    ],
)
def test_a_damaged_annotation_is_named(root, text, reason):
    path = scene(root) / f"{NAME}.json"
    path.write_text(text)
    with pytest.raises(OpenSetError, match=f"{path} {reason}"):
        Ade20kInstances(root)


def test_an_empty_mask_is_named(root, write):
    path = write(scene(root) / NAME / f"instance_000_{NAME}.png", np.zeros((6, 8)))
    with pytest.raises(OpenSetError, match=f"{path} is empty"):
        Ade20kInstances(root)[0]


def test_missing_parts_say_where_to_get_them(root):
    with pytest.raises(OpenSetError, match=r"no ADE20K at .*/validation: unpack ADE20K_2021"):
        Ade20kInstances(root, "validation")
    with pytest.raises(OpenSetError, match="no split 'test': choose training, validation"):
        Ade20kInstances(root, "test")
    (scene(root) / f"{NAME}.json").unlink()
    with pytest.raises(OpenSetError, match=r"holds no annotated objects \(\*\.json\)"):
        Ade20kInstances(root)
