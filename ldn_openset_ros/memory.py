"""What a process may take of memory, keeps of it while frames come, and gives back."""

from __future__ import annotations

import ctypes
import gc
import math
import re
import resource
from collections.abc import Callable
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of mallopt(3), in malloc.h."""
KEPT_BYTES = 2**30
UNCHECKED_BYTES = 2**28
"""So much is taken without asking what is free."""
SYSTEM = Path("/")


def keep_freed_memory() -> bool:
    """Tell glibc not to hand freed memory back to the kernel; return whether it could be told.

    Maps and activations are larger than what glibc keeps by default. Taking them from the kernel
    anew in every frame, page by page, costs a quarter of the network's time. What the process
    holds is bounded by what it once used, and `give_back_freed_memory` gives it back.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is None:
        return False
    return all(mallopt(name, KEPT_BYTES) for name in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))


def give_back_freed_memory() -> None:
    """Hand what nobody refers to any more back to the kernel, where glibc runs."""
    gc.collect()
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):  # another C library
        return None


def check_memory(what: str, needed: int) -> None:
    """Raise OpenSetError where `what`, which takes `needed` bytes by an estimate, cannot fit."""
    if needed <= UNCHECKED_BYTES:
        return
    free = available_memory()
    if needed > free:
        raise OpenSetError(
            f"{what} takes about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are "
            "free: make it smaller"
        )


def available_memory() -> float:
    """Return the bytes that this process can still take, infinite where nothing tells.

    That is the least of what is free on the machine, in the container (cgroup 2) and within the
    limit of the process's addresses (`ulimit -v`).
    """
    free = _kilobytes("proc/meminfo", "MemAvailable")
    group = SYSTEM / "sys/fs/cgroup"
    try:
        limit = int((group / "memory.max").read_text())
        taken = int((group / "memory.current").read_text())
        cached = re.search(r"^inactive_file (\d+)$", (group / "memory.stat").read_text(), re.M)
        free = min(free, limit - taken + int(cached[1]))
    except (OSError, ValueError, TypeError):  # another system, or "max": no limit
        pass
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    if addresses != resource.RLIM_INFINITY:
        free = min(free, max(addresses - _kilobytes("proc/self/status", "VmSize"), 0))
    return free


def _kilobytes(file: str, name: str) -> float:
    """Return a figure of proc(5) in bytes, infinite where it is absent."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", (SYSTEM / file).read_text(), re.M)
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else math.inf
