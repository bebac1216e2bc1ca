"""Plain folders of pictures with outlier truth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.folder import PictureFolder, sequence_of, values_outside
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture
def pictures(tmp_path):
    """Two pictures, red and blue, with truth that holds all three values."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for name, bgr in (("b_red", (0, 0, 255)), ("a_blue", (255, 0, 0))):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.full((4, 6, 3), bgr, np.uint8))
        truth = np.zeros((4, 6), np.uint8)
        truth[0] = 1
        truth[3, 5] = 255
        cv2.imwrite(str(tmp_path / "labels" / f"{name}.png"), truth)
    return tmp_path


def test_reads_pictures_in_order_of_names(pictures):
    folder = PictureFolder(pictures / "images")
    assert len(folder) == 2
    assert [sample.name for sample in folder] == ["a_blue", "b_red"]
    assert folder[0].rgb[0, 0].tolist() == [0, 0, 255]
    assert folder[-1].rgb[0, 0].tolist() == [255, 0, 0]
    assert folder[0].outlier is None
    assert folder[0].labels is None


def test_reads_truth_of_the_same_stem(pictures):
    sample = PictureFolder(pictures / "images", pictures / "labels")[0]
    assert sample.outlier.shape == (4, 6)
    assert sample.outlier[0].tolist() == [1] * 6
    assert sample.outlier[1].tolist() == [0] * 6
    assert sample.outlier[3].tolist() == [0] * 5 + [255]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(OpenSetError, match=f"{tmp_path}/nowhere is not a folder"):
        PictureFolder(tmp_path / "nowhere")


def test_empty_folder_is_named(tmp_path):
    with pytest.raises(OpenSetError, match=f"{tmp_path} holds no pictures"):
        PictureFolder(tmp_path)


def test_picture_without_truth_is_named(pictures):
    (pictures / "labels" / "b_red.png").unlink()
    with pytest.raises(OpenSetError, match=r"b_red\.png has no truth"):
        PictureFolder(pictures / "images", pictures / "labels")


def test_two_pictures_of_one_name_are_refused(pictures):
    cv2.imwrite(str(pictures / "images" / "b_red.jpg"), np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(OpenSetError, match=r"b_red\.jpg and b_red\.png share a name"):
        PictureFolder(pictures / "images")


def test_truth_of_another_size_is_named(pictures):
    cv2.imwrite(str(pictures / "labels" / "a_blue.png"), np.zeros((6, 4), np.uint8))
    folder = PictureFolder(pictures / "images", pictures / "labels")
    with pytest.raises(OpenSetError, match=r"labels/a_blue\.png is 4x6, its picture 6x4"):
        folder[0]


def test_foreign_truth_value_is_named(pictures):
    cv2.imwrite(str(pictures / "labels" / "a_blue.png"), np.full((4, 6), 2, np.uint8))
    folder = PictureFolder(pictures / "images", pictures / "labels")
    with pytest.raises(OpenSetError, match=r"a_blue\.png holds the value 2: .* 0, 1, 255"):
        folder[0]


def test_values_outside():
    labels = np.array([[0, 1, 7], [255, 7, 3]], np.uint8)
    assert values_outside(labels, (0, 1, 255)) == [3, 7]
    assert values_outside(labels, range(256)) == []


def test_sequence_is_the_name_without_the_frame_number():
    assert sequence_of("0001TP_006690") == "0001TP"
    assert sequence_of("01_Hanns_Klemm_Str_45_000003_000030") == "01_Hanns_Klemm_Str_45_000003"
