"""Cityscapes (Cordts et al., CVPR 2016): finely labelled road scenes of 50 towns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.cityscapes_layout import find_frames, read_camera
from ldn_openset_ros.data.folder import check_size, read_mapped_truth
from ldn_openset_ros.data.pictures import read_number_map, read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX, load_taxonomy

SPLITS = ("train", "val")
FIRST_INSTANCE = 1000
"""From here on, values of an `instanceIds` file number instances."""

_EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
LABEL_IDS = {label: IGNORE_INDEX for label in range(34)} | {
    label: train_id for train_id, label in enumerate(_EVALUATED)
}
"""Label id (0..33, `labelIds` files) -> train id (0..18, 255 = ignore)."""

_TRAIN_IDS = {train_id: train_id for train_id in (*range(len(_EVALUATED)), IGNORE_INDEX)}


class Cityscapes(Sequence[Sample]):
    """Frames of 2048x1024 with the 19 train ids of the `cityscapes` taxonomy.

    The published layout: `leftImg8bit/<split>/<city>/<name>_leftImg8bit.png` with
    `gtFine/<split>/<city>/<name>_gtFine_labelTrainIds.png` or, where that file was never made,
    `..._gtFine_labelIds.png`. Optional are `..._gtFine_instanceIds.png` beside it and
    `camera/<split>/<city>/<name>_camera.json`. There is no outlier truth. The labels of the test
    split are not public.

    root: folder of the data set. split: train (2975 frames) or val (500).
    """

    def __init__(self, root: str | Path, split: str) -> None:
        self.taxonomy = load_taxonomy("cityscapes")
        if split not in SPLITS:
            raise OpenSetError(f"cityscapes has no split {split!r}: choose {', '.join(SPLITS)}")
        self._frames = find_frames(
            Path(root),
            split,
            "gtFine",
            "Cityscapes",
            "unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of "
            "https://www.cityscapes-dataset.com into one folder",
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame, its labels and, where the files are there, its instances and camera."""
        frame = self._frames[index]
        rgb = read_rgb(frame.picture, upright=False)
        meaning = _TRAIN_IDS if frame.truth.stem.endswith("TrainIds") else LABEL_IDS
        labels = read_mapped_truth(frame.truth, rgb, meaning)
        return Sample(
            frame.name,
            rgb,
            labels=labels,
            camera=read_camera(frame.camera, rgb),
            instances=_read_instances(
                frame.truth.with_name(f"{frame.name}_gtFine_instanceIds.png"), rgb
            ),
        )


def _read_instances(path: Path, rgb: np.ndarray) -> np.ndarray | None:
    """Read an instance map as int32 (H, W); None where there is no file.

    The file holds label id * 1000 + the number of the instance, and the label id alone where a
    class has no instances or a group was drawn as one: 0 here.
    """
    if not path.is_file():
        return None
    numbers = read_number_map(path)
    check_size(path, numbers, rgb)
    label_ids = np.where(numbers >= FIRST_INSTANCE, numbers // FIRST_INSTANCE, numbers)
    highest = int(label_ids.max())
    if highest not in LABEL_IDS:
        raise OpenSetError(
            f"{path} holds instances of the label id {highest}, which there is not: unpack gtFine "
            "again"
        )
    return np.where(numbers >= FIRST_INSTANCE, numbers, 0).astype(np.int32)
