"""Lost and Found (Pinggera et al., IROS 2016): small obstacles on real roads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ldn_openset_ros.data.cityscapes_layout import find_frames, read_camera
from ldn_openset_ros.data.folder import check_sequence, read_mapped_truth, sequence_of
from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.taxonomy import IGNORE_INDEX

SPLITS = ("train", "test")

# Both files tell the same story; the tables give each value its outlier truth.
_TRAIN_IDS = {IGNORE_INDEX: IGNORE_INDEX, 0: IGNORE_INDEX, 1: 0, 2: 1}
_NON_HAZARDS = (31, 33, 34, 36, 37, 38, 39)
_LABEL_IDS = {0: IGNORE_INDEX, 1: 0} | {
    label: IGNORE_INDEX if label in _NON_HAZARDS else 1 for label in range(2, 44)
}


class LostAndFound(Sequence[Sample]):
    """Frames of 112 videos, about every tenth frame, with outlier truth on the road.

    The published layout, where `<place>` is like `01_Hanns_Klemm_Str_45` and `<name>` is
    `<place>_<video>_<frame>`:

    - `leftImg8bit/<split>/<place>/<name>_leftImg8bit.png`, 2048x1024;
    - `gtCoarse/<split>/<place>/<name>_gtCoarse_labelTrainIds.png`: 255 unlabelled, ego vehicle,
      out of the region of interest and background; 0 things that are no hazard (lying marker
      poles, thin wood, wheel caps, ...); 1 free space; 2 hazards. Where it is missing,
      `..._gtCoarse_labelIds.png` is read instead: 0 unlabelled and background, 1 free space,
      2 to 43 kinds of things, of which 31, 33, 34 and 36 to 39 are no hazard;
    - `camera/<split>/<place>/<name>_camera.json`, optional: intrinsics as in Cityscapes.

    Outlier truth: 1 on hazards, 0 on free space, 255 elsewhere, things that are no hazard
    included. (SegmentMeIfYouCan counts those as obstacles.) 6 frames of `train` (1036 frames)
    and 17 of `test` (1203) were published without any label: their truth is 255 all over.

    root: folder of the data set.
    split: train or test.
    sequence: keep only the frames of this video, `<place>_<video>`; None keeps all.
    """

    def __init__(self, root: str | Path, split: str, sequence: str | None = None) -> None:
        if split not in SPLITS:
            raise OpenSetError(
                f"lost_and_found has no split {split!r}: choose {', '.join(SPLITS)}"
            )
        root = Path(root)
        self._frames = find_frames(
            root,
            split,
            "gtCoarse",
            "Lost and Found",
            "unpack leftImg8bit.zip and gtCoarse.zip (and camera.zip) of "
            "http://www.6d-vision.com/lostandfounddataset into one folder",
        )
        if sequence is not None:
            check_sequence(sequence, self.sequences(), root / "leftImg8bit" / split)
            self._frames = [f for f in self._frames if sequence_of(f.name) == sequence]

    def sequences(self) -> tuple[str, ...]:
        """Return the names of the videos, sorted."""
        return tuple(sorted({sequence_of(frame.name) for frame in self._frames}))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Read one frame, its truth and, where the file is there, its camera."""
        frame = self._frames[index]
        rgb = read_rgb(frame.picture, upright=False)
        outlier = _read_outlier(frame.truth, rgb)
        return Sample(frame.name, rgb, outlier=outlier, camera=read_camera(frame.camera, rgb))


def _read_outlier(path: Path, rgb: np.ndarray) -> np.ndarray:
    meaning = _TRAIN_IDS if path.stem.endswith("TrainIds") else _LABEL_IDS
    return read_mapped_truth(path, rgb, meaning)
