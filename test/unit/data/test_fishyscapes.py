"""Both Fishyscapes validation sets in their published layouts."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.fishyscapes import FishyscapesLostAndFound, FishyscapesStatic
from ldn_openset_ros.errors import OpenSetError

LOST = "04_Maurener_Weg_8_000000_000030"
CITY = "frankfurt_000001_046504"


@pytest.fixture
def lost(tmp_path, write):
    folder = tmp_path / "leftImg8bit" / "train" / "04_Maurener_Weg_8"
    write(folder / f"{LOST}_leftImg8bit.png", np.full((1, 3, 3), 40))
    write(tmp_path / "fishyscapes_lostandfound" / f"0000_{LOST}_labels.png", [[0, 1, 255]])
    return tmp_path


@pytest.fixture
def static(tmp_path, write):
    folder = tmp_path / "leftImg8bit" / "val" / "frankfurt"
    write(folder / f"{CITY}_leftImg8bit.png", np.full((1, 3, 3), 200))
    write(tmp_path / "fs_val_v3" / f"0007_{CITY}_labels.png", [[0, 1, 255]])
    write_overlay(tmp_path, np.int16([[[0, 0, 0], [-150, 20, 90], [0, 0, 0]]]))
    return tmp_path


def write_overlay(root, overlay):
    np.savez_compressed(root / "fs_val_v3" / f"0007_{CITY}_rgb.npz", rgb=overlay)


def test_lost_and_found_pairs_truth_with_its_picture(lost):
    frames = FishyscapesLostAndFound(lost)
    assert len(frames) == 1
    assert frames[0].name == f"0000_{LOST}"
    assert np.unique(frames[0].rgb).tolist() == [40]
    assert frames[0].outlier.tolist() == [[0, 1, 255]]
    assert frames[0].labels is None


def test_static_adds_the_overlay_to_cityscapes(static):
    frame = FishyscapesStatic(static)[0]
    assert frame.name == f"0007_{CITY}"
    assert frame.rgb.tolist() == [[[200] * 3, [50, 220, 255], [200] * 3]]
    assert frame.rgb.dtype == np.uint8
    assert frame.outlier.tolist() == [[0, 1, 255]]


def test_foreign_truth_names_the_file(lost, write):
    path = write(lost / "fishyscapes_lostandfound" / f"0000_{LOST}_labels.png", [[0, 2, 255]])
    with pytest.raises(OpenSetError, match=f"{path} holds the value 2"):
        FishyscapesLostAndFound(lost)[0]


def test_damaged_overlays_are_named(static):
    write_overlay(static, np.int16([[[0, 0, 0]]]))
    with pytest.raises(OpenSetError, match=r"_rgb\.npz is not of its picture's size"):
        FishyscapesStatic(static)[0]
    path = static / "fs_val_v3" / f"0007_{CITY}_rgb.npz"
    for content in (b"", b"PK\x03\x04 broken", b"pickle"):
        path.write_bytes(content)
        with pytest.raises(OpenSetError, match=r"_rgb\.npz is no overlay of FS Static"):
            FishyscapesStatic(static)[0]
    path.unlink()
    with pytest.raises(OpenSetError, match=rf"has no overlay 0007_{CITY}_rgb\.npz"):
        FishyscapesStatic(static)


def test_missing_parts_say_where_to_get_them(lost, tmp_path):
    with pytest.raises(OpenSetError, match=r"no Fishyscapes at .*fs_val_v3: .*fs_val_v3\.zip"):
        FishyscapesStatic(lost)
    for path in (lost / "leftImg8bit").rglob("*.png"):
        path.unlink()
    with pytest.raises(OpenSetError, match=rf"has no picture {LOST}_leftImg8bit\.png below"):
        FishyscapesLostAndFound(lost)
