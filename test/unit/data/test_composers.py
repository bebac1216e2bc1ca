from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.composers import PastedObjects, RoadsAndNegatives, cover
from ldn_openset_ros.data.cut_outs import CutOut, CutOuts
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture
def roads() -> list[Sample]:
    labels = np.full((60, 80), 3, np.uint8)
    labels[:2] = 255
    return [Sample(f"r{i}", np.full((60, 80, 3), 90, np.uint8), labels) for i in range(6)]


def test_every_road_gets_one_object_of_the_wanted_size(roads):
    disc = np.hypot(*np.mgrid[-1:1:21j, -1:1:21j]) <= 0.6
    objects = [CutOut("disc", np.full((21, 21, 3), 250, np.uint8), disc)]
    composed = PastedObjects(roads, objects, seed=1)
    assert len(composed) == 6
    for index in range(6):
        sample = composed[index]
        outlier = sample.outlier == 1
        assert 0.009 < outlier.mean() < 0.105
        assert (sample.rgb[outlier] == 250).all()
        assert (sample.rgb[~outlier] == 90).all()
        assert (sample.labels[outlier] == 255).all()
        assert set(np.unique(sample.outlier)) == {0, 1, 255}
    assert np.array_equal(composed[2].rgb, PastedObjects(roads, objects, seed=1)[2].rgb)
    assert not np.array_equal(composed[2].rgb, PastedObjects(roads, objects, seed=2)[2].rgb)


def test_roads_are_inlier_and_negatives_outlier(roads, tmp_path):
    cv2.imwrite(str(tmp_path / "n.png"), np.full((30, 90, 3), 7, np.uint8))
    composed = RoadsAndNegatives(roads, tmp_path)
    assert len(composed) == 7
    assert set(np.unique(composed[0].outlier)) == {0, 255}
    assert composed[6].rgb.shape == (60, 80, 3)
    assert (composed[6].outlier == 1).all()
    assert (composed[6].labels == 255).all()


def test_cover_cuts_the_middle():
    picture = np.zeros((10, 40, 3), np.uint8)
    picture[:, 15:25] = 200
    assert (cover(picture, (20, 20)) == 200).all()


def test_cut_outs_are_cut_to_their_mask(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    mask = np.zeros((30, 40), np.uint8)
    mask[5:15, 8:20] = 255
    cv2.imwrite(str(tmp_path / "images" / "h.png"), np.full((30, 40, 3), 60, np.uint8))
    cv2.imwrite(str(tmp_path / "masks" / "h.png"), mask)
    cut_out = CutOuts(tmp_path)[0]
    assert cut_out.rgb.shape == (10, 12, 3)
    assert cut_out.mask.all()


def test_an_empty_mask_is_named(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "h.png"), np.zeros((5, 5), np.uint8))
    with pytest.raises(OpenSetError, match=r"masks/h\.png"):
        CutOuts(tmp_path)[0]
