"""Cityscapes in squashed copies."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.cityscapes_squashed import CityscapesSquashed
from ldn_openset_ros.errors import OpenSetError


def write(root, rgb, labels):
    for part, picture in (("images", rgb[..., ::-1]), ("labels", labels)):
        (root / "val" / part).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / "val" / part / "ulm_1.png"), picture)


@pytest.fixture
def root(tmp_path):
    """One square frame: road and car left and right, the lower half void."""
    labels = np.full((64, 64), 255, np.uint8)
    labels[:32, :16], labels[:32, 16:] = 0, 13
    rgb = np.repeat((labels // 2)[..., None], 3, 2)
    write(tmp_path, rgb, labels)
    return tmp_path


def test_a_frame_gets_its_shape_back(root):
    frames = CityscapesSquashed(root, "val")
    assert frames.taxonomy.num_classes == 19
    assert len(frames) == 1
    (frame,) = frames
    assert frame.name == "ulm_1"
    assert frame.rgb.shape == (512, 1024, 3)
    expected = np.full((512, 1024), 255, np.uint8)
    expected[:256, :256], expected[:256, 256:] = 0, 13
    assert np.array_equal(frame.labels, expected)
    assert frame.rgb[:200, :200].max() == 0
    assert np.unique(frame.rgb[:200, 300:]).tolist() == [6]
    assert frame.outlier is None


def test_a_frame_in_its_own_shape_is_refused(tmp_path):
    write(tmp_path, np.zeros((8, 16, 3), np.uint8), np.zeros((8, 16), np.uint8))
    with pytest.raises(OpenSetError, match=r"ulm_1\.png is 16x8, not squashed .*as `cityscapes`"):
        CityscapesSquashed(tmp_path, "val")[0]


def test_a_label_beyond_the_train_ids_names_the_file(tmp_path):
    write(tmp_path, np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 33, np.uint8))
    with pytest.raises(OpenSetError, match=r"labels/ulm_1\.png holds the value 33"):
        CityscapesSquashed(tmp_path, "val")[0]


def test_unknown_split(root):
    with pytest.raises(OpenSetError, match="no split 'test': choose train, val"):
        CityscapesSquashed(root, "test")


def test_real_copy(data_root):
    if not (data_root / "cityscapes_squashed").is_dir():
        pytest.skip("no squashed copy of Cityscapes")
    frames = [CityscapesSquashed(data_root / "cityscapes_squashed", s) for s in ("train", "val")]
    assert [len(part) for part in frames] == [940, 150]
    frame = frames[1][3]
    assert frame.rgb.shape == (512, 1024, 3)
    assert frame.labels.shape == (512, 1024)
    # Streets: the road in the middle below, sky or buildings above.
    assert np.bincount(frame.labels[300:450].ravel()).argmax() == 0
