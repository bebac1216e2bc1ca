"""Label maps stored as palette indices."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.palette_png import is_palette_png, show_indices
from ldn_openset_ros.data.pictures import read_label_map, read_rgb
from ldn_openset_ros.errors import OpenSetError

INDICES = [[0, 1, 15], [66, 254, 255]]


def test_indices_are_read_whatever_their_colours(tmp_path, palette_png):
    path = tmp_path / "map.png"
    path.write_bytes(palette_png(INDICES, np.full((256, 3), (224, 224, 192))))
    assert read_label_map(path).tolist() == INDICES
    assert read_label_map(path).dtype == np.uint8
    assert np.unique(read_rgb(path).reshape(-1, 3), axis=0).tolist() == [[224, 224, 192]]


def test_a_short_palette_and_transparency_do_not_matter(tmp_path, palette_png):
    path = tmp_path / "map.png"
    path.write_bytes(palette_png([[0, 2, 1]], [(9, 9, 9), (8, 0, 0), (0, 8, 0)], b"\0\x80"))
    assert read_label_map(path).tolist() == [[0, 2, 1]]


def test_other_files_are_no_palette_png(tmp_path):
    grey = cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()
    assert not is_palette_png(grey)
    assert not is_palette_png(b"\x89PNG\r\n\x1a\n")
    assert not is_palette_png(b"")


@pytest.mark.parametrize("length", [30, 60, 820])
def test_a_file_cut_short_is_named(tmp_path, palette_png, length):
    path = tmp_path / "map.png"
    path.write_bytes(palette_png(INDICES, np.zeros((256, 3)))[:length])
    with pytest.raises(OpenSetError, match=r"map\.png is no readable picture"):
        read_label_map(path)


def test_pixels_stay_as_they_are(palette_png):
    png = palette_png(INDICES, np.zeros((256, 3)))
    assert show_indices(show_indices(png)) == show_indices(png)
    assert len(show_indices(png)) == len(png)
