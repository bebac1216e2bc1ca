"""Composed test sets by name, over small data sets in their published layouts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.test_sets import TEST_SET_NAMES, open_test_set


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(array, np.uint8))


@pytest.fixture
def root(tmp_path):
    """Three WildDash frames of 80x40, a sheep of 32 and one of 24 pixels, 20 LSUN pictures."""
    for number in range(3):
        path = tmp_path / "wilddash1" / f"a{number}_100000.png"
        write(path, np.full((40, 80, 3), 90))
        labels = np.full((40, 80), 7)
        labels[:20] = 0
        write(path.with_name(f"a{number}_100000_labelIds.png"), labels)
    voc = tmp_path / "pascal_voc"
    classes = np.zeros((20, 20))
    classes[1:5, 2:10] = classes[12:16, 0:6] = 17
    objects = np.zeros((20, 20))
    objects[1:5, 2:10] = 1
    objects[12:16, 0:6] = 2
    write(voc / "JPEGImages" / "s.jpg", np.full((20, 20, 3), 200))
    write(voc / "SegmentationClass" / "s.png", classes)
    write(voc / "SegmentationObject" / "s.png", objects)
    (voc / "ImageSets" / "Segmentation").mkdir(parents=True)
    (voc / "ImageSets" / "Segmentation" / "trainval.txt").write_text("s\n")
    for number in range(20):
        write(tmp_path / "lsun" / "x" / f"{number}.webp", np.full((10, 10, 3), number))
    return tmp_path


def test_names():
    assert TEST_SET_NAMES[-9:] == (
        "camvid_horses",
        "camvid_small_horses",
        "camvid_imagenet",
        "cityscapes_ecssd",
        "camvid_ecssd",
        "idd_ecssd",
        "roads_ecssd",
        "wd_pascal",
        "wd_lsun",
    )


def test_objects_held_out_of_training_are_pasted_into_roads_held_out_of_training(tmp_path):
    for number in range(40):
        write(tmp_path / "roads_unlabelled" / f"{number:02d}.png", np.full((60, 80, 3), number))
        # Every object has the colour of its number, from 100.
        write(tmp_path / "ecssd/images" / f"{number:02d}.png", np.full((9, 9, 3), 100 + number))
        write(tmp_path / "ecssd/masks" / f"{number:02d}.png", np.full((9, 9), 255))
    samples = list(open_test_set("roads_ecssd", tmp_path))
    assert [sample.rgb[sample.outlier == 0][0, 0] for sample in samples] == [*range(35, 40)]
    pasted = {int(v) for sample in samples for v in np.unique(sample.rgb[sample.outlier == 1])}
    assert pasted <= set(range(135, 140))
    assert all(0.0005 < (sample.outlier == 1).mean() < 0.11 for sample in samples)


def test_wd_pascal_pastes_animals_of_at_least_one_per_cent_in_their_own_size(root):
    samples = open_test_set("wd_pascal", root)
    assert len(samples) == 3
    for assay in range(5):
        for sample in open_test_set("wd_pascal", root, assay=assay):
            # 1 % of 80x40 are 32 pixels: the sheep of 24 is never taken.
            assert (sample.outlier == 1).sum() == 32
            assert sample.name.endswith("_s_1")
    assert set(np.unique(samples[0].outlier)) == {0, 1, 255}
    assert set(np.unique(samples[0].labels)) == {0, 255}


def test_wd_lsun_has_as_many_outlier_as_inlier_pixels(root):
    samples = list(open_test_set("wd_lsun", root))
    truth = np.concatenate([sample.outlier.ravel() for sample in samples])
    assert (truth == 1).sum() == (truth == 0).sum() == 3 * 1600
    assert len(samples) == 3 + 2


@pytest.mark.parametrize("name", ["wd_pascal", "wd_lsun"])
def test_assays_repeat_and_differ(root, name):
    def pixels(assay):
        samples = open_test_set(name, root, assay=assay)
        return b"".join(s.outlier.tobytes() + s.name.encode() for s in samples)

    assert pixels(0) == pixels(0)
    assert len({pixels(assay) for assay in range(4)}) > 1


def test_what_has_no_splits_or_assays_says_so(root):
    with pytest.raises(OpenSetError, match="wilddash1 has no splits: leave 'test' out"):
        open_test_set("wd_pascal", root, "test")
    with pytest.raises(OpenSetError, match="wilddash1 is not drawn at random: leave assay 3 out"):
        open_test_set("wilddash1", root / "wilddash1", assay=3)
    with pytest.raises(OpenSetError, match="assay is -1: give 0 or more"):
        open_test_set("wd_lsun", root, assay=-1)
