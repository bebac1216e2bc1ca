"""Shared memory: what is free, and what killed processes leave on the machine. No ROS here."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
MIN_AGE = 10.0
"""Seconds; a younger segment may be one whose owner is about to lock it."""

_SEGMENT = re.compile("fast(dds|rtps)_[0-9a-f]{16}")
_LOCK_SUFFIX = "_el"


def free_shared_memory(folder: Path = SHARED_MEMORY) -> int | None:
    """Return the bytes of shared memory that are free; None where the system does not tell."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def remove_abandoned_segments(folder: Path = SHARED_MEMORY) -> list[str]:
    """Remove this user's segments of Fast DDS whose process has ended; return their names.

    Fast DDS takes a segment's memory in full (16 or 64 MiB with our profiles) and gives it back at
    an orderly end alone, so that every node that is killed costs the machine as much until it is
    started anew. The owner of a segment holds a file lock beside it for as long as it lives.
    """
    try:
        names = [name for name in os.listdir(folder) if _SEGMENT.fullmatch(name)]
    except OSError:  # no such system
        return []
    return [name for name in names if _remove_abandoned(folder / name)]


def _remove_abandoned(segment: Path) -> bool:
    lock = segment.with_name(segment.name + _LOCK_SUFFIX)
    # Others may remove it at the same time, or not let us; BlockingIOError: its owner lives.
    with contextlib.suppress(OSError), lock.open() as file:
        status = segment.stat()
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < MIN_AGE:
            return False
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        segment.unlink()
        lock.unlink()
        return True
    return False
