from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.composers import PastedObjects, RoadsAndNegatives, cover
from ldn_openset_ros.data.cut_outs import CutOut, CutOuts, MaskedNegatives
from ldn_openset_ros.data.negatives import Box
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


def test_objects_can_keep_their_own_size(roads):
    mask = np.ones((6, 10), bool)
    mask[0] = False
    objects = [CutOut("cow", np.full((6, 10, 3), 250, np.uint8), mask)]
    sample = PastedObjects(roads, objects, share=None)[3]
    rows, columns = np.nonzero(sample.outlier == 1)
    assert len(rows) == 50
    assert (np.ptp(rows), np.ptp(columns)) == (4, 9)
    assert sample.name == "r3_cow"


def test_an_object_larger_than_the_road_scene_is_shrunk_to_fit(roads):
    objects = [CutOut("cow", np.full((120, 80, 3), 250, np.uint8), np.ones((120, 80), bool))]
    sample = PastedObjects(roads, objects, share=None)[0]
    assert (sample.outlier == 1).sum() == 60 * 40


def test_places_differ_between_assays_and_repeat_within_one(roads):
    objects = [CutOut("cow", np.full((6, 10, 3), 250, np.uint8), np.ones((6, 10), bool))]
    assays = [PastedObjects(roads, objects, seed, None)[-1].outlier for seed in (0, 1, 0)]
    assert np.array_equal(assays[0], assays[2])
    assert not np.array_equal(assays[0], assays[1])


@pytest.fixture
def negatives(tmp_path) -> list[Path]:
    paths = [tmp_path / f"n{i:02d}.png" for i in range(10)]
    for grey, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((30, 90, 3), grey, np.uint8))
    return paths


def test_roads_are_inlier_and_as_many_pixels_of_negatives_outlier(roads, negatives):
    composed = RoadsAndNegatives(roads, negatives)
    samples = list(composed)
    # 2 of the 60 rows of each of the 6 road scenes are void: 12 rows of the last negative.
    assert len(samples) == len(composed) == 6 + 6
    assert set(np.unique(composed[0].outlier)) == {0, 255}
    for sample in samples[6:]:
        assert sample.rgb.shape == (60, 80, 3)
        assert (sample.labels == 255).all()
    assert (samples[6].outlier == 1).all()
    assert (composed[-1].outlier[:48] == 1).all()
    assert (composed[-1].outlier[48:] == 255).all()
    truth = np.concatenate([sample.outlier.ravel() for sample in samples])
    assert (truth == 1).sum() == (truth == 0).sum() == 6 * 58 * 80


def test_negatives_are_drawn_once_each_by_the_seed(roads, negatives):
    def drawn(seed):
        return [sample.name for sample in list(RoadsAndNegatives(roads, negatives, seed))[6:]]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    assert len(set(drawn(0))) == 6


def test_too_few_negatives_are_all_taken_whole(roads, negatives):
    composed = RoadsAndNegatives(roads, negatives[:3], seed=4)
    assert [sample.name for sample in list(composed)[6:]] == ["n00", "n01", "n02"]
    assert all((sample.outlier == 1).all() for sample in list(composed)[6:])
    with pytest.raises(OpenSetError, match="no negatives"):
        RoadsAndNegatives(roads, [])


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
    (negative,) = MaskedNegatives(tmp_path)
    assert negative.box == Box(8, 5, 20, 15)
    assert np.array_equal(negative.mask, mask > 0)
    assert np.array_equal(negative.background, mask == 0)
    assert negative.rgb.shape == (30, 40, 3)


def test_an_empty_mask_is_named(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "h.png"), np.zeros((5, 5), np.uint8))
    with pytest.raises(OpenSetError, match=r"masks/h\.png"):
        CutOuts(tmp_path)[0]
