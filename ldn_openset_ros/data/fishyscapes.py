"""Fishyscapes (Blum et al., IJCV 2021): the two public validation sets, outlier truth alone."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.cityscapes_layout import PICTURE_ENDING
from ldn_openset_ros.data.folder import OUTLIER_TRUTH, read_truth
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError

_LABEL_ENDING = "_labels.png"
_SITE = "http://robotics.ethz.ch/~asl-datasets/Fishyscapes"


class FishyscapesLostAndFound(Sequence[Sample]):
    """The 100 frames of FS Lost and Found validation.

    Truth is published as `fishyscapes_lostandfound/<number>_<name>_labels.png` (0 inlier,
    1 outlier, 255 void); the pictures are those of Lost and Found,
    `leftImg8bit/{train,test}/<place>/<name>_leftImg8bit.png`, 2048x1024.

    root: folder with `fishyscapes_lostandfound/` and Lost and Found's `leftImg8bit/`.
    """

    def __init__(self, root: str | Path) -> None:
        root = Path(root)
        self._frames = _find_frames(
            root,
            root / "fishyscapes_lostandfound",
            f"unpack {_SITE}/fishyscapes_lostandfound.zip into a folder of its name, beside the "
            "leftImg8bit/ of Lost and Found (http://www.6d-vision.com/lostandfounddataset)",
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame and its outlier truth."""
        truth, picture = self._frames[index]
        rgb = read_rgb(picture, upright=False)
        return Sample(_name(truth), rgb, outlier=read_truth(truth, rgb, OUTLIER_TRUTH))


class FishyscapesStatic(Sequence[Sample]):
    """The 30 frames of FS Static validation: Cityscapes with objects of Pascal VOC blended in.

    Published in version 3 as `fs_val_v3/<number>_<name>_labels.png` (0 inlier, 1 outlier, 255
    void) with `fs_val_v3/<number>_<name>_rgb.npz`: its array `rgb`, (H, W, 3), is what is added
    to the picture of Cityscapes, `leftImg8bit/val/<city>/<name>_leftImg8bit.png`.

    root: folder with `fs_val_v3/` and Cityscapes' `leftImg8bit/`.
    """

    def __init__(self, root: str | Path) -> None:
        root = Path(root)
        remedy = (
            f"unpack {_SITE}/fs_val_v3.zip into a folder of its name, beside the leftImg8bit/ of "
            "Cityscapes (https://www.cityscapes-dataset.com)"
        )
        self._frames = _find_frames(root, root / "fs_val_v3", remedy)
        for truth, _ in self._frames:
            if not _overlay(truth).is_file():
                raise OpenSetError(f"{truth} has no overlay {_overlay(truth).name}: {remedy}")

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Blend one frame and read its outlier truth."""
        truth, picture = self._frames[index]
        rgb = _add_overlay(read_rgb(picture, upright=False), _overlay(truth))
        return Sample(_name(truth), rgb, outlier=read_truth(truth, rgb, OUTLIER_TRUTH))


def _find_frames(root: Path, folder: Path, remedy: str) -> list[tuple[Path, Path]]:
    truths = sorted(folder.glob(f"*{_LABEL_ENDING}"))
    if not truths:
        raise OpenSetError(f"no Fishyscapes at {folder}: it holds no *{_LABEL_ENDING}; {remedy}")
    pictures = {
        path.stem.removesuffix(PICTURE_ENDING): path
        for path in (root / "leftImg8bit").glob(f"*/*/*{PICTURE_ENDING}.png")
    }
    frames = []
    for truth in truths:
        original = _name(truth).partition("_")[2]
        if original not in pictures:
            raise OpenSetError(
                f"{truth} has no picture {original}{PICTURE_ENDING}.png below "
                f"{root / 'leftImg8bit'}: {remedy}"
            )
        frames.append((truth, pictures[original]))
    return frames


def _name(truth: Path) -> str:
    return truth.name.removesuffix(_LABEL_ENDING)


def _overlay(truth: Path) -> Path:
    return truth.with_name(f"{_name(truth)}_rgb.npz")


def _add_overlay(rgb: np.ndarray, path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            overlay = arrays["rgb"].astype(np.int32)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise OpenSetError(
            f"{path} is no overlay of FS Static: {error}; unpack it again"
        ) from None
    if overlay.shape != rgb.shape:
        raise OpenSetError(f"{path} is not of its picture's size: unpack it again")
    return np.clip(rgb + overlay, 0, 255).astype(np.uint8)
