"""The processes of a training run: one, or several that `torchrun` has started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from ldn_openset_ros.errors import OpenSetError

VALIDATION_TIME = timedelta(hours=3)
"""How long the other processes wait for the first, which validates alone."""


@dataclass(frozen=True)
class Processes:
    """This process's place among those of the run, and its device."""

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and reports."""
        return self.rank == 0


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the group that `torchrun` describes in the environment, and leave it at the end.

    Without `torchrun` there is no group. device: "cuda" means a GPU for each process of a
    machine, by its local rank; CPUs talk by gloo, GPUs by NCCL.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Processes(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        if device.index >= torch.cuda.device_count():
            raise OpenSetError(
                f"torchrun started more processes than this machine has GPUs "
                f"({torch.cuda.device_count()}): lower --nproc-per-node"
            )
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=VALIDATION_TIME)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Return when every process has come here; at once where there is one process."""
    if distributed.is_initialized():
        distributed.barrier()
