"""Negatives by kind. Apart from the data sets' registry, which needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldn_openset_ros.data.ade20k import Ade20kInstances
from ldn_openset_ros.data.cut_outs import MaskedNegatives
from ldn_openset_ros.data.imagenet_boxes import ImageNetBoxes
from ldn_openset_ros.data.localised_negatives import LocalisedNegatives
from ldn_openset_ros.data.negatives import Negative, NegativePictures
from ldn_openset_ros.errors import OpenSetError

NEGATIVE_KINDS = ("pictures", "localised", "masks", "imagenet_boxes", "ade20k")
"""The kinds `open_negatives` knows."""


def open_negatives(
    kind: str, root: str | Path, box_extent: float = 1.0, split: str | None = None
) -> Sequence[Negative]:
    """Open the negatives at `root`.

    kind: `pictures`, a folder without annotations; `localised`, the same with the objects found
        by a classifier; `masks`, pictures with exact masks; `imagenet_boxes`; `ade20k`, the
        training instances. box_extent: for `pictures` alone, which have no boxes of their own.
        split: for `masks` alone, train or val; None = all.
    """
    root = Path(root)
    if kind == "pictures":
        return NegativePictures(root, box_extent)
    if kind == "localised":
        return LocalisedNegatives(root)
    if kind == "masks":
        return MaskedNegatives(root, split)
    if kind == "imagenet_boxes":
        return ImageNetBoxes(root)
    if kind == "ade20k":
        return Ade20kInstances(root)
    raise OpenSetError(f"no negatives {kind!r}: choose {', '.join(NEGATIVE_KINDS)}")
