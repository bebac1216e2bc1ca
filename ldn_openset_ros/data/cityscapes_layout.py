"""The folder layout of Cityscapes, which Lost and Found shares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ldn_openset_ros.data.sample import PinholeCamera
from ldn_openset_ros.errors import OpenSetError

PICTURE_ENDING = "_leftImg8bit"
"""How the stem of every picture ends."""


class Frame(NamedTuple):
    """The files of one frame; `camera` need not exist."""

    name: str
    picture: Path
    truth: Path
    camera: Path


def find_frames(
    root: Path, split: str, annotation: str, data_set: str, remedy: str
) -> list[Frame]:
    """Return the frames of a split in the order of places and names.

    Pictures lie at `leftImg8bit/<split>/<place>/<name>_leftImg8bit.png`, truth at
    `<annotation>/<split>/<place>/<name>_<annotation>_labelTrainIds.png` or, where that is
    missing, `..._labelIds.png`, cameras at `camera/<split>/<place>/<name>_camera.json`.

    annotation: `gtFine` or `gtCoarse`. data_set, remedy: what errors call the data set and where
    they send the user. Raises OpenSetError for missing folders and for a picture without truth.
    """
    pictures = root / "leftImg8bit" / split
    for part in (pictures, root / annotation / split):
        if not part.is_dir():
            raise OpenSetError(f"no {data_set} at {part}: {remedy}")
    frames = []
    for picture in sorted(pictures.glob(f"*/[!.]*{PICTURE_ENDING}.png")):
        place = picture.parent.name
        name = picture.stem.removesuffix(PICTURE_ENDING)
        truths = root / annotation / split / place
        truth = truths / f"{name}_{annotation}_labelTrainIds.png"
        if not truth.is_file():
            truth = truths / f"{name}_{annotation}_labelIds.png"
        if not truth.is_file():
            raise OpenSetError(
                f"{picture} has no truth {name}_{annotation}_labelTrainIds.png in {truths}: "
                f"{remedy}"
            )
        camera = root / "camera" / split / place / f"{name}_camera.json"
        frames.append(Frame(name, picture, truth, camera))
    if not frames:
        raise OpenSetError(f"{pictures} holds no <place>/*{PICTURE_ENDING}.png: {remedy}")
    return frames


def read_camera(path: Path, rgb: np.ndarray) -> PinholeCamera | None:
    """Read a camera file of the pictures' size; None where there is no file."""
    if not path.is_file():
        return None
    height, width = rgb.shape[:2]
    try:
        intrinsic = json.loads(path.read_text())["intrinsic"]
        fx, fy, cx, cy = (float(intrinsic[key]) for key in ("fx", "fy", "u0", "v0"))
    except (ValueError, KeyError, TypeError) as error:
        raise OpenSetError(
            f"{path} is no Cityscapes camera file (intrinsic: fx, fy, u0, v0): {error!r}; "
            "unpack the camera files again"
        ) from None
    return PinholeCamera(width, height, fx, fy, cx, cy)
