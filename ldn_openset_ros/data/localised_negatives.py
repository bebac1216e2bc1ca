"""Negatives without annotations, their object found by where an ImageNet classifier looks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from ldn_openset_ros.data.negatives import Negative, bounding_box, central_box
from ldn_openset_ros.data.pictures import list_pictures, read_file, read_rgb
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.cache import cached
from ldn_openset_ros.nn.class_activation import CLASSES, ClassActivation

SHORTER_SIDE = 352
"""Of the picture that the classifier sees: a map of 11 rows, not too far from its training."""
OBJECT, BACKGROUND = 0.3, 0.08
"""Share of the strongest evidence from which on a pixel belongs to the object, and below which it
does not; between them it is not known."""
FALLBACK_EXTENT = 0.5
"""Of the central box of a picture in which no object is found."""


class LocalisedNegatives(Sequence[Negative]):
    """A folder of photographs, one object each, with masks from class activation maps.

    What surrounds an object (grass, sky, trees, road) is often known to a vehicle; a mask keeps
    it from being taught as an outlier. Opening runs the classifier on every picture, once for
    all: what it sees is kept in the cache.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = list_pictures(folder)
        if not self._paths:
            raise OpenSetError(f"{folder} holds no pictures: negatives are needed for training")
        with np.load(cached(cache_name(self._paths), self._locate)) as evidence:
            self._evidence = [evidence[path.name] for path in self._paths]

    def _locate(self, file: Path) -> None:
        """Write the evidence map of every picture, by its file name."""
        activation = ClassActivation()
        evidence = {
            path.name: locate(activation, read_rgb(path))
            for path in tqdm(self._paths, desc="locating objects", unit="picture")
        }
        np.savez(file, **evidence)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Negative:
        path = self._paths[index]
        rgb = read_rgb(path)
        size = rgb.shape[1::-1]
        evidence = cv2.resize(self._evidence[index], size, interpolation=cv2.INTER_CUBIC)
        mask = evidence >= OBJECT
        if not mask.any():  # nothing spoke for any class, as in a picture of one colour
            return Negative(path.stem, rgb, central_box(*rgb.shape[:2], FALLBACK_EXTENT))
        return Negative(path.stem, rgb, bounding_box(mask), mask, evidence < BACKGROUND)


def cache_name(paths: Sequence[Path]) -> str:
    """Return the name of the cached file of these pictures' evidence; their contents count."""
    digest = hashlib.sha256(f"{SHORTER_SIDE} {CLASSES}".encode())
    for path in paths:
        digest.update(path.name.encode())
        digest.update(read_file(path))
    return f"evidence/{digest.hexdigest()[:24]}.npz"


def locate(activation: ClassActivation, rgb: np.ndarray) -> np.ndarray:
    """Return the evidence map of a uint8 (H, W, 3) picture, float32 (h, w) in [0, 1]."""
    scale = SHORTER_SIDE / min(rgb.shape[:2])
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    resized = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    image = (torch.from_numpy(resized).permute(2, 0, 1)[None].float() - 127) / 128
    return activation(image).numpy()
