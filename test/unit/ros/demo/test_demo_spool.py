from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.spool import FrameSpool


def test_frames_come_back_as_they_were_and_the_folder_goes(tmp_path, make_frame):
    truth = np.full((24, 32), 255, np.uint8)
    frames = [make_frame(0), make_frame(1, labels_truth=truth)]
    folder = tmp_path / "a" / "spool"
    with FrameSpool(folder) as spool:
        assert [spool.append(frame) for frame in frames] == [True, True]
        assert len(spool) == 2
        for frame, found in zip(frames, spool, strict=True):
            for field in fields(frame):
                expected = getattr(frame, field.name)
                if expected is None:
                    assert getattr(found, field.name) is None
                else:
                    assert np.array_equal(getattr(found, field.name), expected)
    assert not folder.exists()


def test_space_is_bounded(tmp_path, make_frame):
    size = 24 * 32 * (3 + 1 + 4 + 1 + 3)
    with FrameSpool(tmp_path / "spool", max_bytes=2 * size) as spool:
        assert [spool.append(make_frame(i)) for i in range(3)] == [True, True, False]
        assert len(spool) == len(list(spool)) == 2


def test_what_an_earlier_run_left_is_removed(tmp_path, make_frame):
    folder = tmp_path / "spool"
    FrameSpool(folder).append(make_frame())
    assert len(list(folder.iterdir())) == 1
    with FrameSpool(folder) as spool:
        assert list(spool) == []
        assert list(folder.iterdir()) == []


def test_an_unusable_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OpenSetError, match="cannot write to"):
        FrameSpool(tmp_path / "file" / "spool")
