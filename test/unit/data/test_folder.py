"""Plain folders of pictures with outlier truth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pictures_of_cameras import turned

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


def write_masks(pictures, **values):
    """Write masks of 0 and one value, the usual form, over half of each picture."""
    for name, value in values.items():
        mask = np.zeros((4, 6), np.uint8)
        mask[:2] = value
        cv2.imwrite(str(pictures / "labels" / f"{name}.png"), mask)


def test_masks_of_0_and_255_are_refused_with_the_option_that_reads_them(pictures):
    write_masks(pictures, a_blue=255, b_red=0)
    folders = pictures / "images", pictures / "labels"
    with pytest.raises(OpenSetError, match=r"truth in .*/labels has no outlier .* 255; where"):
        PictureFolder(*folders)
    masks = PictureFolder(*folders, outlier_value=255)
    assert masks[0].outlier.tolist() == [[1] * 6] * 2 + [[0] * 6] * 2
    assert masks[1].outlier.tolist() == [[0] * 6] * 4
    kept = PictureFolder(*folders, outlier_value=1)
    assert kept[0].outlier.tolist() == [[255] * 6] * 2 + [[0] * 6] * 2


def test_truth_with_an_outlier_anywhere_or_none_to_ignore_is_taken_as_it_is(pictures):
    write_masks(pictures, a_blue=255, b_red=1)
    folder = PictureFolder(pictures / "images", pictures / "labels")
    assert [np.unique(sample.outlier).tolist() for sample in folder] == [[0, 255], [0, 1]]
    write_masks(pictures, a_blue=0, b_red=0)
    assert not PictureFolder(pictures / "images", pictures / "labels")[0].outlier.any()


def test_another_value_may_mean_outlier_beside_255_for_ignore(pictures):
    write_masks(pictures, a_blue=128, b_red=255)
    folder = PictureFolder(pictures / "images", pictures / "labels", outlier_value=128)
    assert [np.unique(sample.outlier).tolist() for sample in folder] == [[0, 1], [0, 255]]
    write_masks(pictures, b_red=1)
    folder = PictureFolder(pictures / "images", pictures / "labels", outlier_value=128)
    with pytest.raises(OpenSetError, match=r"b_red\.png holds the value 1: allowed are 0, 128"):
        folder[1]


def test_a_picture_and_its_map_are_read_in_one_orientation(pictures, caplog):
    """A camera held upside down: EXIF says so, painting programs and maps do not."""
    rgb = np.zeros((16, 32, 3), np.uint8)
    rgb[:8] = 255
    jpeg = cv2.imencode(".jpg", rgb)[1].tobytes()
    (pictures / "images" / "a_blue.png").unlink()
    (pictures / "images" / "a_blue.jpg").write_bytes(turned(jpeg, 3))
    truth = np.zeros((16, 32), np.uint8)
    truth[:8] = 1
    cv2.imwrite(str(pictures / "labels" / "a_blue.png"), truth)
    sample = PictureFolder(pictures / "images", pictures / "labels")[0]
    assert (sample.outlier == (sample.rgb[..., 0] > 128)).all()
    assert "a_blue.jpg has the EXIF orientation 3: it is read as stored" in caplog.text
    caplog.clear()
    alone = PictureFolder(pictures / "images")[0].rgb
    assert (alone[..., 0] > 128).tolist() == (sample.rgb[::-1, ::-1, 0] > 128).tolist()
    assert not caplog.text


def test_values_outside():
    labels = np.array([[0, 1, 7], [255, 7, 3]], np.uint8)
    assert values_outside(labels, (0, 1, 255)) == [3, 7]
    assert values_outside(labels, range(256)) == []


def test_sequence_is_the_name_without_the_frame_number():
    assert sequence_of("0001TP_006690") == "0001TP"
    assert sequence_of("01_Hanns_Klemm_Str_45_000003_000030") == "01_Hanns_Klemm_Str_45_000003"
