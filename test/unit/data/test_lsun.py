"""LSUN as exported pictures."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.lsun import list_lsun
from ldn_openset_ros.errors import OpenSetError


def test_exported_pictures_are_found_at_any_depth(tmp_path, write):
    write(tmp_path / "b" / "0" / "b01.webp", np.zeros((4, 4, 3)))
    write(tmp_path / "a1.jpg", np.zeros((4, 4, 3)))
    (tmp_path / "readme.txt").write_text("no picture")
    (tmp_path / "b" / "0" / "._b01.webp").write_bytes(b"\0\5\x16\7 of macOS")
    assert list_lsun(tmp_path) == [tmp_path / "a1.jpg", tmp_path / "b" / "0" / "b01.webp"]


def test_a_database_is_refused_with_the_way_to_export_it(tmp_path):
    database = tmp_path / "bedroom_val_lmdb" / "data.mdb"
    database.parent.mkdir()
    database.write_bytes(b"")
    with pytest.raises(OpenSetError, match=rf"{database} is an LMDB database.*data\.py export"):
        list_lsun(tmp_path)


def test_absent_and_empty_folders_are_named(tmp_path):
    with pytest.raises(OpenSetError, match=rf"{tmp_path} holds no pictures"):
        list_lsun(tmp_path)
    with pytest.raises(OpenSetError, match=r"no LSUN at .*/none: .*fyu/lsun"):
        list_lsun(tmp_path / "none")
