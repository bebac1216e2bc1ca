"""Frames on the disk, so that they can be measured after the recording. No ROS here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.frame import RecordedFrame

MAX_BYTES = 4 * 2**30
"""Upper limit of the disk space that is used; half of what is free if that is less."""


class FrameSpool:
    """Frames in a folder of their own, in order; a context manager that removes it at the end.

    Uncompressed: writing must take next to no time while the camera runs.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        """Make the folder; one that an earlier run had to leave behind is removed first."""
        self._folder = folder
        self._count = 0
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise OpenSetError(f"cannot write to {folder}: {error.strerror}") from None
        self._free = min(max_bytes, shutil.disk_usage(folder).free // 2)

    def __len__(self) -> int:
        """Return the number of frames."""
        return self._count

    def __iter__(self) -> Iterator[RecordedFrame]:
        """Yield the frames in their order."""
        for index in range(self._count):
            with np.load(self._path(index)) as arrays:
                yield RecordedFrame(**arrays)

    def append(self, frame: RecordedFrame) -> bool:
        """Store a frame; return False, and store nothing, where the space is used up."""
        named = {field.name: getattr(frame, field.name) for field in fields(frame)}
        arrays = {name: array for name, array in named.items() if array is not None}
        size = sum(array.nbytes for array in arrays.values())
        if size > self._free:
            return False
        try:
            np.savez(self._path(self._count), **arrays)
        except OSError as error:
            raise OpenSetError(f"cannot write to {self._folder}: {error.strerror}") from None
        self._free -= size
        self._count += 1
        return True

    def __enter__(self) -> FrameSpool:
        """Return the empty spool."""
        return self

    def __exit__(self, *exception) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:06d}.npz"
