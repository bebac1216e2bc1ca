"""What an evaluation leaves on the disk, written as it comes and fit to be resumed.

`frames.jsonl`, `timing.jsonl` and `faults.jsonl` grow by a line a frame or fault. Every so often
`state.npz` takes in all sums together with the lengths of these files: after a crash they are cut
back to it and the evaluation goes on from there, to the same end. `summary.json` and
`timing.json` mark a finished evaluation.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar
from zipfile import BadZipFile

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.settings import settings_from_dict

SUMMARY_FILE = "summary.json"
TIMING_FILE = "timing.json"
CONFIGURATION_FILE = "configuration.json"
STATE_FILE = "state.npz"
FRAMES_FILE = "frames.jsonl"
TIMES_FILE = "timing.jsonl"
FAULTS_FILE = "faults.jsonl"
PICTURES = "pictures"

LINE_FILES = (FRAMES_FILE, TIMES_FILE, FAULTS_FILE)
SECONDS_BETWEEN_STATES = 20.0

Line = TypeVar("Line")


@dataclass(frozen=True)
class State:
    """Where an evaluation stands: all sums as arrays, all else as JSON-ready values."""

    arrays: dict[str, np.ndarray]
    values: dict[str, Any]


class ResultsError(OpenSetError):
    """The results folder, not what is evaluated, is at fault."""


class ResultsFolder:
    """The files of one running evaluation; a context manager that closes them."""

    def __init__(self, folder: Path, configuration: dict[str, Any], resume: bool = False) -> None:
        """Make the folder, or take up an interrupted evaluation of the same configuration.

        Raises ResultsError where results are there already, where they are of another
        configuration, and where the disk refuses.
        """
        self.folder = folder
        self._last_state = time.monotonic()
        with self.disk_errors():
            (folder / PICTURES).mkdir(parents=True, exist_ok=True)
            if not resume:
                refuse_results(folder)
            if _has_results(folder):
                _check_configuration(folder, configuration)
            else:
                write_configuration(folder, configuration)
            self.state = _read_state(folder) if resume else None
            lengths = self.state.values["lengths"] if self.state else {}
            self._files = {
                name: _open_cut(folder / name, lengths.get(name, 0)) for name in LINE_FILES
            }

    @property
    def is_finished(self) -> bool:
        """Whether the evaluation came to its end."""
        return (self.folder / SUMMARY_FILE).exists()

    def append(self, file: str, line: Any) -> None:
        """Append a dataclass as a line of one of LINE_FILES, at once."""
        with self.disk_errors():
            self._files[file].write(json.dumps(asdict(line), allow_nan=False).encode() + b"\n")
            self._files[file].flush()

    def picture_path(self, index: int) -> str:
        """Return the path, relative to the folder, of the picture of frame number `index`."""
        return f"{PICTURES}/{index:06d}.jpg"

    def state_is_due(self) -> bool:
        """Whether it is time to save a state."""
        return time.monotonic() - self._last_state > SECONDS_BETWEEN_STATES

    def save_state(self, state: State, compress: bool = False) -> None:
        """Save where the evaluation stands, at once or not at all.

        compress: takes a second and saves most of the space: for a state that stays.
        """
        save = np.savez_compressed if compress else np.savez
        with self.disk_errors():
            lengths = {}
            for name, file in self._files.items():
                os.fsync(file.fileno())
                lengths[name] = file.tell()
            values = json.dumps({**state.values, "lengths": lengths})
            new = self.folder / f"{STATE_FILE}.new"
            with new.open("wb") as file:
                save(file, **state.arrays, values=np.array(values))
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.folder / STATE_FILE)
        self._last_state = time.monotonic()

    def finish(self, summary: str, timing: str, pictures: set[str]) -> None:
        """Write the two summaries and remove the pictures that are no longer needed."""
        with self.disk_errors():
            for path in (self.folder / PICTURES).iterdir():
                if f"{PICTURES}/{path.name}" not in pictures:
                    path.unlink()
            write_whole(self.folder / TIMING_FILE, timing.encode())
            write_whole(self.folder / SUMMARY_FILE, summary.encode())

    @contextmanager
    def disk_errors(self) -> Iterator[None]:
        """Turn an OSError of the block into a ResultsError that names the folder."""
        try:
            yield
        except OSError as error:
            raise _unusable(self.folder, error) from None

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> ResultsFolder:
        """Return the open folder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files; what is there stays, to be resumed."""
        self.close()


def refuse_results(folder: Path) -> None:
    """Raise ResultsError where a folder holds results, finished or not, or cannot be read."""
    try:
        taken = _has_results(folder)
    except OSError as error:
        raise _unusable(folder, error) from None
    if taken:
        raise ResultsError(
            f"{folder} holds results already: remove it, choose another -o, or go on with --resume"
        )


def configuration_hash(configuration: dict[str, Any]) -> str:
    """Return the SHA-256 of a configuration, whatever the order of its names."""
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_lines(path: Path, kind: type[Line]) -> Iterator[Line]:
    """Yield the lines of a file as dataclasses; raises OpenSetError for a damaged one."""
    number = 1
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield settings_from_dict(kind, json.loads(line), f"{path}, line {number}")
    except ValueError as error:
        raise OpenSetError(
            f"{path}, line {number} is no valid JSON: {error}; evaluate again"
        ) from None
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error}") from None


def read_state(folder: Path) -> State:
    """Read the state of a folder; raises OpenSetError where it is missing or damaged."""
    state = _read_state(folder)
    if state is None:
        raise OpenSetError(f"{folder} has no {STATE_FILE}: evaluate again")
    return state


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once: a cut leaves the old one or the new one, never half of it."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)


def write_configuration(folder: Path, configuration: dict[str, Any]) -> None:
    """Write all that the figures depend on."""
    text = json.dumps(configuration, indent=2, sort_keys=True) + "\n"
    write_whole(folder / CONFIGURATION_FILE, text.encode())


def _read_state(folder: Path) -> State | None:
    path = folder / STATE_FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            named = dict(arrays)
        values = json.loads(str(named.pop("values")))
        return State(named, values)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ResultsError(f"{path} is damaged ({error}): remove the folder {folder}") from None


def _unusable(folder: Path, error: OSError) -> ResultsError:
    return ResultsError(f"cannot write to {folder}: {error.strerror or error}")


def _has_results(folder: Path) -> bool:
    return any((folder / name).exists() for name in (CONFIGURATION_FILE, SUMMARY_FILE))


def _check_configuration(folder: Path, configuration: dict[str, Any]) -> None:
    path = folder / CONFIGURATION_FILE
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ResultsError(f"cannot read {path}: {error}") from None
    wanted = json.loads(json.dumps(configuration))
    names = sorted(
        name for name in known.keys() | wanted.keys() if known.get(name) != wanted.get(name)
    )
    if names:
        raise ResultsError(
            f"{folder} was evaluated with other settings ({', '.join(names)}): resume with the "
            "same, or choose another -o"
        )


def _open_cut(path: Path, length: int) -> BinaryIO:
    held = path.stat().st_size if path.exists() else 0
    if held < length:
        raise ResultsError(
            f"{path} has lost lines, it is {held} bytes and was {length}: remove the folder "
            f"{path.parent} and evaluate again"
        )
    file = path.open("ab")
    file.truncate(length)
    file.seek(0, os.SEEK_END)
    return file
