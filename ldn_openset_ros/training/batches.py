"""Batches of training pictures, each process its share of every batch."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate
from tqdm import tqdm

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.training.processes import Processes
from ldn_openset_ros.training.settings import TrainingSettings

PREFETCHED = 4
"""Batches that each worker makes ahead."""
BATCHES_AT_ONCE = PREFETCHED + 2
"""In shared memory for each worker: those made ahead, one being made, one in use."""
SEMAPHORES = 2**16
"""Bytes of shared memory that a worker's queue and events take."""
CHANNELS = 5
"""Bytes of a pixel of a training picture: RGB, label, outlier truth."""
SHARED_MEMORY = "/dev/shm"
REMEDY = f"free {SHARED_MEMORY}, make it larger (docker run --shm-size=1g) or set workers to 0"
MEMORY_REMEDY = "lower workers, cache_mb or batch_size"


class BatchShare(Sampler[list[int]]):
    """The items of every batch from `first_step` on that process `rank` of `count` takes."""

    def __init__(
        self, batch_size: int, first_step: int, steps: int, rank: int = 0, count: int = 1
    ) -> None:
        share, rest = divmod(batch_size, count)
        if rest:
            raise OpenSetError(
                f"batch_size {batch_size} cannot be shared by {count} processes: make it a "
                "multiple"
            )
        self._batch_size = batch_size
        self._steps = range(first_step, steps)
        self._share = range(rank * share, (rank + 1) * share)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self._steps:
            yield [step * self._batch_size + place for place in self._share]


def load_batches(
    pictures: Dataset, settings: TrainingSettings, first_step: int, processes: Processes
) -> Iterator[Sequence[Tensor]]:
    """Yield this process's batches of `TrainingPictures` from step `first_step` on.

    Raises OpenSetError where a picture cannot be read, by a worker too, and where workers cannot
    be started or are killed.
    """
    shared = fits_shared_memory(settings, processes.is_first)
    loader = DataLoader(
        ToldErrors(pictures),
        batch_sampler=BatchShare(
            settings.batch_size, first_step, settings.steps, processes.rank, processes.count
        ),
        num_workers=settings.workers,
        collate_fn=stack if shared else stack_arrays,
        prefetch_factor=PREFETCHED if settings.workers else None,
        pin_memory=processes.device.type == "cuda" and shared,
        # A forked worker would wait for ever for OpenCV's threads, which stay in the parent.
        multiprocessing_context="spawn" if settings.workers else None,
    )
    batches = start_workers(loader)
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except RuntimeError as error:
            raise told(error) from None
        if isinstance(batch, OpenSetError):
            raise batch
        yield batch if shared else tuple(map(torch.from_numpy, batch))


def start_workers(loader: DataLoader) -> Iterator:
    """Return the loader's batches, of which `next` alone tells that a worker was killed.

    torch would tell by a handler of SIGCHLD, which raises wherever the program is, at its end too.
    """
    if threading.current_thread() is not threading.main_thread():
        return iter(loader)
    handler = signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    signal.signal(signal.SIGCHLD, handler or signal.SIG_DFL)
    return batches


def told(error: RuntimeError) -> Exception:
    """Return what a user is to read where no batch could be had; other errors as they are."""
    text = flat(error)
    if "memory(shm)" in text:
        return OpenSetError(f"{SHARED_MEMORY} is full: {REMEDY}")
    if "DataLoader worker" in text and "exited unexpectedly" in text:
        return OpenSetError(
            f"a data worker was killed, as where memory or {SHARED_MEMORY} is full: "
            f"{MEMORY_REMEDY}; or {REMEDY}"
        )
    return error


def fits_shared_memory(settings: TrainingSettings, tell: bool = False) -> bool:
    """Return whether the workers of all processes can hand over their batches in shared memory.

    tell: say so where they cannot. Raises OpenSetError where they cannot even be started.
    """
    if not settings.workers:
        return True
    free = free_shared_memory()
    if free < SEMAPHORES * settings.workers:
        raise OpenSetError(
            f"{SHARED_MEMORY} has no room to start {settings.workers} data workers: {REMEDY}"
        )
    height, width = settings.crop
    needed = BATCHES_AT_ONCE * settings.workers * settings.batch_size * height * width * CHANNELS
    if needed <= free:
        return True
    if tell:
        tqdm.write(
            f"{SHARED_MEMORY} has no room for {needed / 2**20:.0f} MiB of batches, which go "
            "through pipes instead: a larger one (docker run --shm-size=1g) is faster",
            file=sys.stderr,
        )
    return False


def free_shared_memory() -> int:
    """Return the bytes that processes can share, 0 where not even a semaphore can be had."""
    try:
        get_context("spawn").Lock()
        return shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return 0


class ToldErrors(Dataset):
    """The same items, but an OpenSetError in the place of one that cannot be made.

    torch would raise it from a worker with the worker's trace for its text.
    """

    def __init__(self, items: Dataset) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[Tensor, ...] | OpenSetError:
        try:
            return self._items[index]
        except OpenSetError as error:
            return error
        except OSError as error:
            what = error.filename or "a training picture"
            return OpenSetError(f"cannot read {what}: {error.strerror}: restore it")
        except MemoryError:
            return OpenSetError(f"no memory is left for training pictures: {MEMORY_REMEDY}")


def stack(items: Sequence) -> Any:
    """Return the batch of some items, in shared memory where a worker makes it; or an error."""
    return first_error(items) or default_collate(items)


def stack_arrays(items: Sequence) -> Any:
    """Return the batch of some items as arrays, which take no shared memory; or an error."""
    return first_error(items) or tuple(
        np.stack([tensor.numpy() for tensor in parts]) for parts in zip(*items, strict=True)
    )


def first_error(items: Sequence) -> OpenSetError | None:
    """Return the first of the items that could not be made."""
    return next((item for item in items if isinstance(item, OpenSetError)), None)
