"""Keep freed memory in the process, for what is taken and freed again with every frame."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of mallopt(3), in malloc.h."""
KEPT_BYTES = 2**30


def keep_freed_memory() -> bool:
    """Tell glibc not to hand freed memory back to the kernel; return whether it could be told.

    Maps and activations are larger than what glibc keeps by default. Taking them from the kernel
    anew in every frame, page by page, costs a quarter of the network's time. What the process
    holds is bounded by what it once used.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # not glibc
        return False
    return all(mallopt(name, KEPT_BYTES) for name in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))
