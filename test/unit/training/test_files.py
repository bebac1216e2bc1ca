"""A training's files where the disk is full, on real small file systems where they may be made."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import yaml
from test_processes import SETTINGS

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.training.files import check_writable, replacing


@pytest.fixture
def train(small_data, tmp_path):
    """Train by the command after a tmpfs of some size was mounted on a folder, for it alone."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("only a user who may mount file systems can make a small one")

    def run(mounted, size: str, **changes) -> subprocess.CompletedProcess:
        values = json.loads(json.dumps(asdict(replace(SETTINGS, **changes))))
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
        mount = f'mount -t tmpfs -o size={size} none {mounted} && exec "$@"'
        command = [sys.executable, "-m", "ldn_openset_ros.cli.main", "train", "--device", "cpu"]
        places = ["--data", str(small_data), "-o", str(tmp_path / "run"), tmp_path / "small.yaml"]
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", mount, "sh", *command, *places],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def lines_of(text: str) -> list[str]:
    """Return what was written beside the progress bar."""
    return [
        line for line in text.replace("\r", "\n").splitlines() if line.strip() and "%|" not in line
    ]


@pytest.mark.timeout(180)
def test_workers_train_where_shared_memory_is_too_small_for_their_batches(train, tmp_path):
    done = train("/dev/shm", "200k", workers=1, steps=1)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = lines_of(done.stderr)
    assert line.startswith("/dev/shm has no room for 0 MiB of batches, which go through pipes")
    assert (tmp_path / "run" / "model" / "model.yaml").exists()


@pytest.mark.timeout(180)
def test_a_full_disk_ends_a_run_in_one_line(train, tmp_path):
    (tmp_path / "run").mkdir()
    done = train(tmp_path / "run", "100k")
    assert done.returncode == 1
    (line,) = lines_of(done.stderr)
    assert line.startswith(f"error: cannot write {tmp_path}/run/last.safetensors: ")
    assert "No space left on device" in line
    assert "goes on from its last checkpoint" in line


@pytest.mark.timeout(180)
def test_a_folder_that_takes_no_files_is_refused_before_the_work(train, tmp_path):
    (tmp_path / "run").mkdir()
    done = train(tmp_path / "run", "100k,ro")
    assert done.returncode == 1
    (line,) = lines_of(done.stderr)
    assert line.startswith(f"error: cannot write {tmp_path}/run: Read-only file system: make room")


def test_a_folder_that_takes_files_is_left_as_it_is(tmp_path):
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.csv"
    with replacing(path) as new:
        new.write_text("first")

    def write_half() -> None:
        with replacing(path) as new:
            new.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OpenSetError, match=r"cannot write .*a\.csv: No space left on device"):
        write_half()
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
