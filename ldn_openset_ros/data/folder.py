"""Plain folders of pictures, with or without outlier truth, and what all readers share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ldn_openset_ros.data.pictures import list_pictures, read_label_map, read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX

OUTLIER_TRUTH = (0, 1, IGNORE_INDEX)
"""Values of an outlier truth map: inlier, outlier, ignore."""
BLOCK, HELD_OUT = 40, 5
"""Of so many neighbours in a data set without splits, so many are its split `val`."""

Item = TypeVar("Item")

NO_OUTLIER = (
    "has no outlier pixel, only 0 (inlier) and 255 (ignore): where 255 means outlier, give "
    "--outlier-value 255; where there are no outliers, --outlier-value 1"
)
"""What is wrong with truth that is most likely a mask of 0 and 255."""


class PictureFolder(Sequence[Sample]):
    """Pictures of one folder in the order of their names, with outlier truth where given.

    images: folder of pictures.
    labels: folder of 8-bit maps with the pictures' stems and sizes holding 0 inlier, 1 outlier,
        255 ignore; None = no truth.
    outlier_value: value of outliers in the maps, 1 to 255; 255 leaves none for pixels to ignore.
        None = 1, and maps of 0 and 255 alone, the usual form of a mask, are refused.

    Raises OpenSetError for an absent or empty folder, for a picture without its map and for such
    masks; reading a sample raises it for a map of another size or with other values.
    """

    def __init__(
        self,
        images: str | Path,
        labels: str | Path | None = None,
        outlier_value: int | None = None,
    ) -> None:
        images = Path(images)
        self._meaning = outlier_meaning(outlier_value)
        if labels is None:
            self._pairs = [(picture, None) for picture in list_distinct_pictures(images)]
        else:
            self._pairs = pair_by_stem(images, Path(labels))
            if outlier_value is None:
                _refuse_masks(Path(labels), [truth for _, truth in self._pairs])

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its truth."""
        picture, truth = self._pairs[index]
        if truth is None:
            return Sample(picture.stem, read_rgb(picture))
        rgb = read_rgb(picture, upright=False)
        return Sample(picture.stem, rgb, outlier=read_mapped_truth(truth, rgb, self._meaning))


def outlier_meaning(outlier_value: int | None) -> dict[int, int]:
    """Return value -> 0 inlier, 1 outlier or 255 ignore of maps with a value for outliers."""
    return {0: 0, IGNORE_INDEX: IGNORE_INDEX, outlier_value or 1: 1}


def _refuse_masks(folder: Path, maps: Sequence[Path]) -> None:
    """Raise OpenSetError where maps hold 0 and 255 alone; reads them up to the first other."""
    ignored = False
    for path in maps:
        truth = read_label_map(path)
        if values_outside(truth, (0, IGNORE_INDEX)):
            return
        ignored = ignored or bool((truth == IGNORE_INDEX).any())
    if ignored:
        raise OpenSetError(f"the truth in {folder} {NO_OUTLIER}")


def list_distinct_pictures(folder: Path) -> list[Path]:
    """Return the pictures of `folder` by name; none, or two with the same stem, is an error."""
    pictures = list_pictures(folder)
    if not pictures:
        raise OpenSetError(f"{folder} holds no pictures: put .jpg or .png files there")
    by_stem: dict[str, Path] = {}
    for picture in pictures:
        other = by_stem.setdefault(picture.stem, picture)
        if other is not picture:
            raise OpenSetError(
                f"{other} and {picture.name} share a name: rename one, names must be unique"
            )
    return pictures


def pair_by_stem(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """Return each picture of `images` with the map of the same stem in `labels`."""
    maps = {path.stem: path for path in list_pictures(labels)}
    pairs = []
    for picture in list_distinct_pictures(images):
        if picture.stem not in maps:
            raise OpenSetError(
                f"{picture} has no truth: put {picture.stem}.png into {labels} or take the "
                "picture out"
            )
        pairs.append((picture, maps[picture.stem]))
    return pairs


def split_of(items: Sequence[Item], split: str | None) -> list[Item]:
    """Return those of a data set without splits of its own that are `train` or `val`, None = all.

    The last HELD_OUT of every BLOCK are `val`: not single ones, since neighbours in a drive are
    nearly the same picture.
    """
    if split is None:
        return list(items)
    if split not in ("train", "val"):
        raise OpenSetError(f"there is no split {split!r}: choose train, val")
    taken = [
        item
        for place, item in enumerate(items)
        if (place % BLOCK >= BLOCK - HELD_OUT) == (split == "val")
    ]
    if not taken:
        raise OpenSetError(
            f"{len(items)} pictures have no split {split}, which is the last {HELD_OUT} of every "
            f"{BLOCK}: leave the split out"
        )
    return taken


def sequence_of(name: str) -> str:
    """Return the video that a frame named `<sequence>_<frame number>` belongs to."""
    return name.rpartition("_")[0]


def check_sequence(sequence: str, known: Sequence[str], folder: Path) -> None:
    """Raise OpenSetError where `sequence` is not one of `known`."""
    if sequence not in known:
        raise OpenSetError(f"no sequence {sequence!r} in {folder}: choose {', '.join(known)}")


def read_truth(path: Path, rgb: np.ndarray, allowed: Collection[int]) -> np.ndarray:
    """Read the truth map of a picture as uint8 (H, W).

    Raises OpenSetError, naming the file, where its size is not that of `rgb` or a value is not
    one of `allowed`.
    """
    truth = read_label_map(path)
    check_size(path, truth, rgb)
    unknown = values_outside(truth, allowed)
    if unknown:
        raise OpenSetError(
            f"{path} holds the value {unknown[0]}: allowed are "
            f"{', '.join(str(value) for value in sorted(allowed))}"
        )
    return truth


def check_size(path: Path, truth: np.ndarray, rgb: np.ndarray) -> None:
    """Raise OpenSetError, naming the file, where a truth map has not the size of its picture."""
    if truth.shape != rgb.shape[:2]:
        raise OpenSetError(
            f"{path} is {truth.shape[1]}x{truth.shape[0]}, its picture "
            f"{rgb.shape[1]}x{rgb.shape[0]}: truth and picture must have the same size"
        )


def read_mapped_truth(path: Path, rgb: np.ndarray, meaning: Mapping[int, int]) -> np.ndarray:
    """Read a truth map as `read_truth` does and replace each value by what it means.

    meaning: every value of the published encoding -> its train id or outlier truth.
    """
    return replace_values(read_truth(path, rgb, meaning), meaning)


def replace_values(truth: np.ndarray, meaning: Mapping[int, int]) -> np.ndarray:
    """Return a uint8 map with each value replaced by what it means, 255 for any other."""
    table = np.full(256, IGNORE_INDEX, np.uint8)
    table[list(meaning)] = list(meaning.values())
    return table[truth]


def values_outside(labels: np.ndarray, allowed: Collection[int]) -> list[int]:
    """Return the values of a uint8 map that are none of `allowed`, sorted."""
    counts = np.bincount(labels.ravel(), minlength=256)
    counts[list(allowed)] = 0
    return np.flatnonzero(counts).tolist()
