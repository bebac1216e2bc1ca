"""Batches of training pictures, each process its share of every batch."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import DataLoader, Dataset, Sampler

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.training.processes import Processes
from ldn_openset_ros.training.settings import TrainingSettings


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
) -> DataLoader:
    """Return this process's batches of `TrainingPictures` from step `first_step` on."""
    return DataLoader(
        pictures,
        batch_sampler=BatchShare(
            settings.batch_size, first_step, settings.steps, processes.rank, processes.count
        ),
        num_workers=settings.workers,
        prefetch_factor=4 if settings.workers else None,
        pin_memory=processes.device.type == "cuda",
        # A forked worker would wait for ever for OpenCV's threads, which stay in the parent.
        multiprocessing_context="spawn" if settings.workers else None,
    )
