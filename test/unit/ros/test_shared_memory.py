"""Which segments of Fast DDS count as left behind."""

from __future__ import annotations

import fcntl
import os

import pytest

from ldn_openset_ros.ros.shared_memory import (
    MIN_AGE,
    free_shared_memory,
    remove_abandoned_segments,
)

NAME = "fastdds_00d7c3a7c6a54ce7"


@pytest.fixture
def segment(tmp_path):
    """Return a function that makes a segment and its lock file, older than MIN_AGE."""

    def make(name: str = NAME, age: float = 2 * MIN_AGE):
        lock = tmp_path / f"{name}_el"
        lock.touch()
        path = tmp_path / name
        path.write_bytes(b"frames")
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
        return lock

    return make


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_segment_whose_owner_has_gone_is_removed_with_its_lock(segment, tmp_path):
    segment()
    segment("fastrtps_1111222233334444")
    assert sorted(remove_abandoned_segments(tmp_path)) == [NAME, "fastrtps_1111222233334444"]
    assert names(tmp_path) == []


def test_one_whose_owner_lives_stays(segment, tmp_path):
    with segment().open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_abandoned_segments(tmp_path) == []
    assert names(tmp_path) == [NAME, f"{NAME}_el"]


def test_a_young_one_stays_for_its_owner_may_be_about_to_lock_it(segment, tmp_path):
    segment(age=MIN_AGE / 2)
    assert remove_abandoned_segments(tmp_path) == []
    assert names(tmp_path) == [NAME, f"{NAME}_el"]


def test_nothing_else_is_touched(segment, tmp_path):
    """Ports, which Fast DDS sees to itself, files of others, segments without a lock file."""
    segment("fastdds_port7411")
    segment("sem.fastdds_port7411_mutex")
    segment("camera_00d7c3a7c6a54ce7")
    segment().unlink()
    before = names(tmp_path)
    assert remove_abandoned_segments(tmp_path) == []
    assert names(tmp_path) == before
    assert remove_abandoned_segments(tmp_path / "no_such_folder") == []


def test_what_is_free_is_what_the_system_says(tmp_path):
    whole = os.statvfs(tmp_path)
    free = free_shared_memory(tmp_path)
    assert 0 < free <= whole.f_blocks * whole.f_frsize
    assert free_shared_memory(tmp_path / "absent") is None
