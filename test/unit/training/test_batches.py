"""Batches by worker processes: what cannot be read, what cannot be shared, who is killed."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import multiprocessing
from torch.utils.data import Dataset

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.training import batches as batches_module
from ldn_openset_ros.training.batches import (
    fits_shared_memory,
    load_batches,
    told,
)
from ldn_openset_ros.training.processes import Processes
from ldn_openset_ros.training.settings import TrainingSettings

SETTINGS = TrainingSettings("small", crop=(32, 64), batch_size=2, steps=9, workers=1)
BROKEN = OpenSetError("a/b.png is no readable picture: replace the file")
ALONE = Processes(0, 1, torch.device("cpu"))


class Numbered(Dataset):
    """Pictures of their number; `broken` cannot be read, `deadly` ends the worker by a signal."""

    def __init__(self, broken=None, error=BROKEN, deadly=None, death=signal.SIGKILL) -> None:
        self._broken, self._error = broken, error
        self._deadly, self._death = deadly, death

    def __len__(self) -> int:
        return 18

    def __getitem__(self, index):
        if index == self._deadly:
            os.kill(os.getpid(), self._death)
        if index == self._broken:
            raise self._error
        rgb = torch.full((32, 64, 3), index, dtype=torch.uint8)
        return rgb, rgb[..., 0], rgb[..., 1]


def firsts(pictures: Dataset, settings=SETTINGS) -> list[tuple]:
    """Return shapes and first values of every batch."""
    return [
        tuple((tuple(part.shape), part.dtype, part.flatten(1)[:, 0].tolist()) for part in batch)
        for batch in load_batches(pictures, settings, 7, ALONE)
    ]


@pytest.mark.timeout(120)
def test_batches_are_the_same_without_workers_in_shared_memory_and_through_pipes(
    monkeypatch, capsys
):
    here = firsts(Numbered(), replace(SETTINGS, workers=0))
    assert here[0][0] == ((2, 32, 64, 3), torch.uint8, [14, 15])
    assert len(here) == 2
    assert firsts(Numbered()) == here
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(batches_module, "free_shared_memory", lambda: 100_000)
    assert firsts(Numbered()) == here
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("/dev/shm has no room for 0 MiB of batches, which go through pipes")
    assert "--shm-size" in line


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.timeout(60)
def test_a_picture_that_cannot_be_read_is_one_line_from_a_worker_too(workers):
    with pytest.raises(OpenSetError) as caught:
        firsts(Numbered(broken=16), replace(SETTINGS, workers=workers))
    assert str(caught.value) == str(BROKEN)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "a/b.h5"), "cannot read a/b.h5: No such"),
        (MemoryError(), "no memory is left for training pictures: lower workers, cache_mb"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_the_remedy(error, line):
    with pytest.raises(OpenSetError, match=line):
        firsts(Numbered(broken=16, error=error), replace(SETTINGS, workers=0))


def test_room_is_needed_for_all_batches_that_are_on_their_way(monkeypatch):
    settings = replace(SETTINGS, workers=3)
    needed = 3 * 6 * 2 * 32 * 64 * 5
    for free, fits in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(batches_module, "free_shared_memory", lambda free=free: free)
        assert fits_shared_memory(settings) == fits
    monkeypatch.setattr(batches_module, "free_shared_memory", lambda: 3 * 2**16 - 1)
    with pytest.raises(OpenSetError, match=r"no room to start 3 data workers: .*set workers to 0"):
        fits_shared_memory(settings)
    assert fits_shared_memory(replace(settings, workers=0))


def test_free_shared_memory_is_that_of_the_system(monkeypatch, tmp_path):
    assert batches_module.free_shared_memory() == pytest.approx(
        shutil.disk_usage("/dev/shm").free, abs=2**26
    )
    monkeypatch.setattr(batches_module, "SHARED_MEMORY", str(tmp_path / "none"))
    assert batches_module.free_shared_memory() == 0


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGBUS])
@pytest.mark.timeout(120)
def test_a_worker_that_is_killed_is_told_with_the_remedy(death):
    handler = signal.getsignal(signal.SIGCHLD)
    with pytest.raises(OpenSetError) as caught:
        firsts(Numbered(deadly=17, death=death))
    assert str(caught.value) == (
        "a data worker was killed, as where memory or /dev/shm is full: lower workers, cache_mb "
        "or batch_size; or free /dev/shm, make it larger (docker run --shm-size=1g) or set "
        "workers to 0"
    )
    # Nothing raises later on, wherever the program then is.
    assert signal.getsignal(signal.SIGCHLD) == handler


def test_shared_memory_that_fills_up_later_is_told_with_the_remedy():
    """In torch's words, as a worker sent them when /dev/shm had been filled for a try."""
    error = told(
        RuntimeError(
            "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback:\n"
            "unable to allocate shared memory(shm) for file </torch_9790_3170948452_0>: "
            "No space left on device (28)"
        )
    )
    assert isinstance(error, OpenSetError)
    assert str(error).startswith(
        "/dev/shm is full: free /dev/shm, make it larger (docker run --shm"
    )


def test_other_errors_stay_as_they_are():
    error = RuntimeError("shape mismatch")
    assert told(error) is error


@pytest.mark.timeout(60)
def test_workers_end_with_the_batches():
    batches = load_batches(Numbered(), SETTINGS, 0, ALONE)
    assert len(list(islice(batches, 2))) == 2
    (worker,) = multiprocessing.active_children()
    batches.close()
    worker.join(10)
    assert not worker.is_alive()
    with suppress(StopIteration):
        pytest.fail(f"a batch after the end: {next(batches)}")
