"""Which files and folders are bags."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ldn_openset_ros.errors import OpenSetError, one_line
from ldn_openset_ros.settings import parse_yaml, read_limited

METADATA_FILE = "metadata.yaml"
STORAGE_SUFFIXES = (".mcap", ".db3")
COMPRESSED_SUFFIX = ".zstd"
"""What rosbag2 appends to a storage file that it compressed."""

_PART = re.compile(r"(.*?)(?:_(\d+))?(\.(?:mcap|db3)(?:\.zstd)?)", re.DOTALL | re.IGNORECASE)
_REMEDY = "give a bag's folder, a .mcap or a .db3 file"


@dataclass(frozen=True)
class BagFiles:
    """The storage files of a bag.

    files: in the order of their numbers. counts: messages by topic as its metadata declares them,
    empty where it has none. faults: what is wrong with the set of files, a line each.
    """

    files: tuple[Path, ...]
    counts: dict[str, int]
    faults: tuple[str, ...] = ()


def is_storage_file(path: Path) -> bool:
    """Return whether a name is that of a storage file, compressed or not."""
    return _PART.fullmatch(path.name) is not None


def is_bag(path: Path) -> bool:
    """Return whether a path looks like a rosbag2 recording, or a folder with some."""
    if path.is_dir():
        return (path / METADATA_FILE).is_file() or bool(_storage_files(path))
    return path.is_file() and is_storage_file(path)


def find_bags(path: str | Path) -> list[Path]:
    """Return the bag at a path, or all bags below a folder, sorted and each once.

    A bag is a storage file, a folder with metadata.yaml, or a folder without one whose storage
    files are parts of one recording: named as rosbag2 splits them, `<name>_0.mcap`,
    `<name>_1.mcap` and so on without a gap, or just one file. Other storage files of a folder are
    bags of their own. Where links lead to a bag twice, the first path counts. Raises OpenSetError
    where there is none, and where a folder cannot be read.
    """
    try:
        return unique_bags(_find_bags(Path(path)))
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error.strerror}: {_REMEDY}") from None


def unique_bags(bags: Iterable[Path]) -> list[Path]:
    """Return bags in their order without those that are there already by another path."""
    first: dict[Path, Path] = {}
    for bag in bags:
        first.setdefault(bag.resolve(), bag)
    return list(first.values())


def _find_bags(path: Path) -> list[Path]:
    if not path.exists():
        raise OpenSetError(f"no bag at {path}: {_REMEDY}")
    if path.is_file():
        _check_file(path)
        return [path]
    if (path / METADATA_FILE).is_file():
        return [path]
    bags = []
    for folder in (path, *sorted(p for p in path.rglob("*") if p.is_dir())):
        files = _storage_files(folder)
        if (folder / METADATA_FILE).is_file() or _is_one_recording(files):
            bags.append(folder)
        else:
            bags += files
    if not bags:
        raise OpenSetError(f"{path} holds no bags: {_REMEDY}, or a folder of bags")
    return sorted(bags)


def bag_files(path: Path) -> BagFiles:
    """Return the storage files of the bag at a path.

    A folder whose metadata.yaml is absent or unreadable is taken by its files, see `find_bags`.
    Raises OpenSetError where the path is no bag or holds several.
    """
    if not path.exists():
        raise OpenSetError(f"no bag at {path}: {_REMEDY}")
    if path.is_file():
        _check_file(path)
        return BagFiles((path,), {})
    files = _storage_files(path)
    faults: tuple[str, ...] = ()
    if (path / METADATA_FILE).is_file():
        try:
            return _listed_files(path, files)
        except (OSError, ValueError, LookupError, TypeError) as error:
            faults = (f"{METADATA_FILE} cannot be read ({one_line(error)})",)
    if not files:
        raise OpenSetError(
            f"{path} is no bag, it holds neither a .mcap nor a .db3 file: {_REMEDY}"
        )
    if not _is_one_recording(files):
        raise OpenSetError(
            f"{path} has no usable {METADATA_FILE} and its files "
            f"({', '.join(file.name for file in files)}) are not parts of one recording: give "
            "one of them"
        )
    return BagFiles(tuple(files), {}, faults)


def _check_file(path: Path) -> None:
    if path.suffix.lower() == ".bag":
        raise OpenSetError(f"{path} is a ROS 1 bag: convert it with `rosbags-convert` first")
    if not is_storage_file(path):
        raise OpenSetError(f"{path} is no bag: {_REMEDY}")


def _storage_files(folder: Path) -> list[Path]:
    """Return the storage files of a folder: by name, numbers at its end by value."""
    files = [path for path in folder.iterdir() if path.is_file() and is_storage_file(path)]
    return sorted(files, key=_part)


def _part(path: Path) -> tuple[str, str, int]:
    """Return name, suffix and number of `<name>_<number>.mcap`; the number is -1 without one."""
    name, number, suffix = _PART.fullmatch(path.name).groups()
    return name, suffix, -1 if number is None else int(number)


def _is_one_recording(files: list[Path]) -> bool:
    if len(files) < 2:
        return bool(files)
    names = {_part(file)[:2] for file in files}
    return len(names) == 1 and [_part(file)[2] for file in files] == list(range(len(files)))


def _listed_files(folder: Path, files: list[Path]) -> BagFiles:
    """Return what metadata.yaml lists; what is absent or not listed is a fault."""
    content = parse_yaml(read_limited(folder / METADATA_FILE))
    information = content["rosbag2_bagfile_information"]
    counts = {
        entry["topic_metadata"]["name"]: entry["message_count"]
        for entry in information["topics_with_message_count"]
    }
    if not all(type(name) is str and type(count) is int for name, count in counts.items()):
        raise ValueError("a topic without a name or number of messages")
    listed = [folder / PurePosixPath(name).name for name in information["relative_file_paths"]]
    present = [path for path in listed if path.is_file() and is_storage_file(path)]
    if not present:
        raise ValueError("none of the files that it lists is there")
    faults = [
        f"{path.name}, listed in {METADATA_FILE}, is missing"
        for path in listed
        if path not in present
    ]
    faults += [
        f"{path.name} is not listed in {METADATA_FILE} and was not read: rebuild it with "
        "`ros2 bag reindex`"
        for path in files
        if path not in present
    ]
    return BagFiles(tuple(present), counts, tuple(faults))
