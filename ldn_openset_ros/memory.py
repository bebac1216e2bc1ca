"""Keep freed memory in the process while frames come, and give it back when a model goes."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of mallopt(3), in malloc.h."""
KEPT_BYTES = 2**30


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
